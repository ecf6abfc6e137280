"""A cache whose bytes were changed gives the row that was kept, or none; never another one."""

from __future__ import annotations

import json
import sqlite3
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults import quietly
from tests.test_cache import KEY, narrow, row, scorer, widths
from zc_plugins import ModuleSpace
from zc_plugins._score_text import _digest, decoded, encoded
from zc_plugins.cache import ScoreCache
from zc_plugins.errors import InvalidArgument
from zc_plugins.proxies._proxy import ScoreRow

ROWS = 120


def value(found: ScoreRow) -> tuple[float, bytes]:
    return found["params"].value, found["params"].layers.tobytes()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a file of many rows, all in the one file."""
    path = tmp_path_factory.mktemp("sound") / "scores.sqlite3"
    with ScoreCache(path) as cache:
        for place in range(ROWS):
            cache.put("space", str(place), "settings", row(place + 0.5))
    return path.read_bytes()


def checked(path: Path) -> int:
    """How many rows are still known; fails if one is known wrongly."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            cache = ScoreCache(path)
        except InvalidArgument:
            return 0
        with cache:
            found = [cache.get("space", str(place), "settings") for place in range(ROWS)]
    for place, known in enumerate(found):
        assert known is None or value(known) == value(row(place + 0.5))
    return sum(known is not None for known in found)


@pytest.mark.parametrize("seed", range(0, 60, 2))
def test_flipped_bits(sound: bytes, tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    content = bytearray(sound)
    for place in rng.integers(len(content), size=1 + seed):
        content[place] ^= 1 << int(rng.integers(8))
    path = tmp_path / "scores.sqlite3"
    path.write_bytes(content)
    checked(path)


@pytest.mark.parametrize("seed", range(0, 20, 2))
def test_a_file_cut_off_and_gone_on_with_noise(sound: bytes, tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    path = tmp_path / "scores.sqlite3"
    path.write_bytes(sound[: int(rng.integers(len(sound)))] + rng.bytes(200 * seed))
    checked(path)


def test_a_sound_file_is_known_whole(sound: bytes, tmp_path: Path) -> None:
    """Otherwise the tests above would say nothing."""
    path = tmp_path / "scores.sqlite3"
    path.write_bytes(sound)
    assert checked(path) == ROWS


def test_a_flipped_digit_is_found_and_the_row_scored_anew(tmp_path: Path) -> None:
    path, space = tmp_path / "scores.sqlite3", ModuleSpace(narrow)
    wanted = scorer(path).score(widths(1, 2), space=space)
    with sqlite3.connect(path) as file:
        file.execute("""UPDATE scores SET row = replace(row, '"value": 5.0', '"value": 7.0')""")
        assert file.total_changes == 2
    file.close()
    for expected in (1, 0):
        again = scorer(path)
        table = again.score(widths(1, 2), space=space)
        np.testing.assert_array_equal(table.values, wanted.values)
        # The damaged row is taken out, or every process would score it anew for ever.
        assert again.scored == expected


def test_a_row_that_came_under_another_key_is_not_believed(tmp_path: Path) -> None:
    with ScoreCache(tmp_path / "scores.sqlite3") as cache:
        cache.put(*KEY, row())
        cache._line().connection.execute("UPDATE scores SET architecture = 'another'")
        assert cache.get(KEY[0], "another", KEY[2]) is None
        assert len(cache) == 0


@pytest.mark.parametrize("content", ["", "3", b"\xff\x00", 7, 1.5, '{"params": 3}'])
def test_a_row_of_something_else_is_taken_out(tmp_path: Path, content: Any) -> None:
    with ScoreCache(tmp_path / "scores.sqlite3") as cache:
        cache.put(*KEY, row())
        cache._line().connection.execute("UPDATE scores SET row = ?", (content,))
        assert cache.get(*KEY) is None
        cache.put(*KEY, row())
        assert cache.get(*KEY) is not None


def test_a_row_that_is_no_text_any_more_is_taken_out(tmp_path: Path) -> None:
    with ScoreCache(tmp_path / "scores.sqlite3") as cache:
        cache.put(*KEY, row())
        line = cache._line().connection
        line.execute("UPDATE scores SET row = CAST(X'ff' || row AS TEXT)")
        assert cache.get(*KEY) is None
        cache.put(*KEY, row())
        assert cache.get(*KEY) is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=4,
)
FIELDS = ("value", "layers", "names", "note", "degenerate")
ODD_ROWS = JSON | st.dictionaries(
    st.text(max_size=3), st.fixed_dictionaries(dict.fromkeys(FIELDS, JSON)), max_size=2
)


@quietly(150)
@given(ODD_ROWS.map(json.dumps) | st.text())
def test_a_row_with_a_right_digest_and_odd_content(text: str) -> None:
    found = decoded(f"{_digest(KEY, text)} {text}".encode(), KEY)
    assert found is None or isinstance(found, dict)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": {"value": 1' + "0" * 400 + "}}"])
def test_rows_that_python_cannot_hold(text: str) -> None:
    assert decoded(f"{_digest(KEY, text)} {text}".encode(), KEY) is None


@quietly(100)
@given(st.integers(0, 10_000), st.characters(codec="ascii"))
def test_one_changed_character(place: int, other: str) -> None:
    text = encoded(row(), KEY)
    place %= len(text)
    changed = text[:place] + other + text[place + 1 :]
    assert changed == text or decoded(changed.encode(), KEY) is None


@pytest.mark.parametrize(
    "layout",
    [
        "PRAGMA user_version = 2",
        "DROP TABLE scores",
        "ALTER TABLE scores RENAME COLUMN row TO text",
        "ALTER TABLE scores ADD COLUMN seconds",
    ],
)
def test_another_layout_is_refused_or_done_without(tmp_path: Path, layout: str) -> None:
    path, space = tmp_path / "scores.sqlite3", ModuleSpace(narrow)
    wanted = scorer(path).score(widths(1, 2), space=space)
    with sqlite3.connect(path) as file:
        file.execute(layout)
    file.close()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            table = scorer(path).score(widths(2, 1, 3), space=space)
        except InvalidArgument:
            return
    assert [w.category for w in warned] == [RuntimeWarning]
    np.testing.assert_array_equal(table.values[[1, 0]], wanted.values)


def test_a_file_that_everyone_may_write_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite3"
    ScoreCache(path).close()
    path.chmod(0o666)
    with pytest.warns(RuntimeWarning, match="every user of this machine"):
        ScoreCache(path).close()
