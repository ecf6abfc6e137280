"""The score table refuses what does not fit, and cannot be changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zc_plugins import ScoreTable
from zc_plugins.errors import EmptyTable, InvalidArgument

TABLE = ScoreTable(
    ["a", "b", "c"],
    [[1, 2], [3, np.nan], [5, 6]],
    ["x", "y"],
    higher_is_better=[True, False],
    layers={"x": [np.ones(2), np.ones(3), np.ones(4)]},
    seconds=np.array([0.1, 0.2, 0.3]),
    notes=[{}, {"y": "dead"}, {}],
)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": [[1], [2]]}, "do not fit 1 candidates"),
        ({"values": [1.0]}, "do not fit"),
        ({"values": [[[1]]]}, "do not fit"),
        ({"proxies": ["x", "y"]}, "proxies has 2 entries, the table needs 1"),
        ({"higher_is_better": [True, True]}, "higher_is_better has 2"),
        ({"seconds": np.zeros(2)}, "seconds has 2"),
        ({"notes": [{}, {}]}, "notes has 2"),
    ],
)
def test_what_does_not_fit(arguments: dict[str, Any], message: str) -> None:
    values = np.array(arguments.pop("values", [[1]]), dtype=np.float64)
    with pytest.raises(InvalidArgument, match=message):
        ScoreTable(["a"], values, **arguments)


def test_views() -> None:
    assert len(TABLE) == 3
    assert TABLE.scored.tolist() == [True, False, True]
    np.testing.assert_array_equal(TABLE.oriented, [[1, -2], [3, np.nan], [5, -6]])
    np.testing.assert_array_equal(TABLE.column("y"), [2, np.nan, 6])
    with pytest.raises(InvalidArgument, match=r"no column 'z': the table holds \['x', 'y'\]"):
        TABLE.column("z")


def test_rows_keep_everything_in_the_order_asked_for() -> None:
    part = TABLE.rows([2, 1])
    assert part.candidates == ("c", "b")
    np.testing.assert_array_equal(part.values, [[5, 6], [3, np.nan]])
    assert (part.proxies, part.higher_is_better) == (TABLE.proxies, TABLE.higher_is_better)
    assert [len(v) for v in part.layers["x"]] == [4, 3]
    np.testing.assert_array_equal(part.seconds, [0.3, 0.2])
    assert part.notes == ({}, {"y": "dead"})
    assert len(TABLE.rows([])) == 0


def test_records() -> None:
    first, second, _ = TABLE.records()
    assert first == {"candidate": "a", "x": 1.0, "y": 2.0, "seconds": 0.1, "note": ""}
    assert second["note"] == "y: dead"


def test_frozen() -> None:
    with pytest.raises(ValueError, match="read-only"):
        TABLE.values[0, 0] = 9
    with pytest.raises(AttributeError):
        TABLE.values = np.zeros((3, 2))  # type: ignore[misc]
    values = np.ones((1, 1))
    table = ScoreTable(["a"], values)
    values[0, 0] = 7
    assert table.values[0, 0] == 1


def test_empty() -> None:
    empty = ScoreTable([], np.empty((0, 2)), ["x", "y"])
    assert len(empty) == 0
    assert empty.scored.shape == (0,)
    assert empty.records() == []
    with pytest.raises(EmptyTable, match="0 candidates and 2 proxies"):
        _ = empty.oriented


def test_only_some_proxies() -> None:
    table = ScoreTable(
        "ab", [[1, 2, 3], [4, np.nan, 6]], "xyz", [True, False, True],
        layers={"y": [np.zeros(2), np.ones(3)]}, notes=[{}, {"y": "unread"}],
        degenerate=[False, True], parameters=[{"width": 1}, {"width": 2}],
        layer_names={"x": [("a",), ("a",)], "y": [("a", "b"), ("a", "b", "c")]},
    )  # fmt: skip
    part = table.only(["z", "y"])
    np.testing.assert_array_equal(part.values, [[3, 2], [6, np.nan]])
    assert (part.proxies, part.higher_is_better) == (("z", "y"), (True, False))
    assert part.layers.keys() == {"y"}
    assert table.only(["z"]).notes == ({}, {})
    assert table.only(["z"]).scored.all()
    assert part.degenerate == (False, True)
    assert part.parameters == ({"width": 1}, {"width": 2})
    assert part.layer_names == {"y": [("a", "b"), ("a", "b", "c")]}
    assert table.rows([1]).parameters == ({"width": 2},)
    assert table.rows([1]).layer_names == {"x": [("a",)], "y": [("a", "b", "c")]}
    with pytest.raises(InvalidArgument, match="no column 'w'"):
        table.only(["w"])
