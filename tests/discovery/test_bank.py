"""The bank gives what scoring gives, at once for all networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zc_plugins import Excitation, Scorer
from zc_plugins.discovery import Expression, parse
from zc_plugins.discovery.bank import Bank
from zc_plugins.discovery.published import published
from zc_plugins.discovery.statistics import default_columns, statistics
from zc_plugins.errors import InvalidArgument, MissingStatistic
from zc_plugins.spaces.nasbench201 import Cell, NasBench201

EXCITATION = Excitation((3, 8, 8), batch_size=4)
SPACE = NasBench201(channels=4, cells_per_stage=1)
POOL = [
    SPACE.canonical(Cell(operations))
    for operations in (
        ("nor_conv_3x3",) * 6,
        ("nor_conv_1x1", "skip_connect", "none", "nor_conv_3x3", "none", "avg_pool_3x3"),
        ("skip_connect", "none", "none", "none", "nor_conv_3x3", "nor_conv_1x1"),
    )
]
TEXTS = (
    "fro(T2GN)",
    "log(mul(fro(T2GN), l1(T3)))",
    "invert(add(fro(T4P), exp(mean(gt0(T1GD)))))",
    "lt(deviation(T4D), mean(sigmoid(T2N)))",
    "div(numel(T3), root(mean(abslog(T3GD))))",
)


@pytest.fixture(scope="module")
def bank() -> Bank:
    columns = [*default_columns(), published()]
    return statistics(POOL, EXCITATION, space=SPACE, columns=columns, workers=1, device="cpu")


def scored(expression: Expression, pool: Any = POOL, space: Any = SPACE, **settings: Any) -> Any:
    scorer = Scorer([expression.proxy("it", **settings)], EXCITATION, device="cpu")
    return scorer.score(pool, space=space, workers=1).column("it")


@pytest.mark.parametrize("reduce", ["sum", "mean", "minimum", "maximum"])
@pytest.mark.parametrize("expression", [*map(parse, TEXTS), published()], ids=str)
def test_as_scoring_itself(bank: Bank, expression: Expression, reduce: Any) -> None:
    np.testing.assert_allclose(
        bank.scores(expression, reduce=reduce), scored(expression, reduce=reduce), rtol=2e-5
    )


def test_the_22_terminals_in_tens_of_kilobytes(bank: Bank) -> None:
    columns = default_columns()
    assert len(columns) == 22 * 7 + 3
    assert frozenset().union(*(c.terminals for c in columns)) >= {"T3", "T1GD", "T4P", "T3GN"}
    assert bank.values.dtype == np.float32
    # The whole benchmark's cells have at most 15 times six convolutions and four of reductions.
    assert 4 * len(columns) * (15 * 6 + 4) < 64_000


def test_saved_and_mapped(bank: Bank, tmp_path: Path) -> None:
    again = bank.save(tmp_path / "bank")
    assert isinstance(again.values, np.memmap)
    assert (again.columns, again.networks, again.notes) == (bank.columns, bank.networks, bank.notes)
    assert again.networks == tuple(map(SPACE.encode, POOL))
    np.testing.assert_array_equal(again.values, bank.values)
    expression = parse(TEXTS[1])
    np.testing.assert_array_equal(again.scores(expression), bank.scores(expression))
    with pytest.raises(InvalidArgument, match="holds a bank"):
        bank.save(tmp_path / "bank")
    with pytest.raises(InvalidArgument, match="holds no bank"):
        Bank.open(tmp_path / "none")
    np.save(tmp_path / "bank" / "values.npy", bank.values[:, 1:])
    with pytest.raises(InvalidArgument, match="of two banks"):
        Bank.open(tmp_path / "bank")
    (tmp_path / "bank" / "index.json").write_text("[]")
    with pytest.raises(InvalidArgument, match="make it anew"):
        Bank.open(tmp_path / "bank")


def test_a_terminal_outside_of_columns_is_named(bank: Bank) -> None:
    with pytest.raises(MissingStatistic, match=r"fro\(exp\(T2GN\)\) is no column"):
        bank.scores(parse("log(fro(exp(T2GN)))"))
    with pytest.raises(MissingStatistic, match="T3 is no column"):
        bank.scores(parse("T3"))
    # Written otherwise, it is one.
    assert np.isfinite(bank.scores(parse("square(abs(fro(abs(T2GN))))"))).all()


def test_columns_are_numbers() -> None:
    with pytest.raises(InvalidArgument, match=r"column T3 is a weight: pass mean\(T3\)"):
        statistics([], EXCITATION, columns=[parse("T3")])
    empty = statistics([], EXCITATION, columns=[parse("fro(T3)"), parse("fro(abs(T3))")])
    assert empty.values.shape == (1, 0)
    assert empty.scores(parse("fro(T3)")).shape == (0,)


def test_networks_without_a_value() -> None:
    def good() -> nn.Module:
        return SPACE.build(POOL[0])

    def without_layers() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(192, 3))

    def dead() -> nn.Module:
        class Dead(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                return torch.relu(x - 1e9)

        layers = [Dead(), nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(192, 3)]
        return nn.Sequential(*layers)

    def broken() -> nn.Module:
        raise OSError("no such file")

    def oblong() -> nn.Module:
        return nn.Sequential(nn.AvgPool2d((2, 1)), good())

    pool = [without_layers, good, dead, broken, oblong, good]
    columns = [parse("fro(T2GN)"), parse("mean(sigmoid(logdet(T1GD)))")]
    bank = statistics(pool, EXCITATION, columns=columns, workers=1, device="cpu")
    norm, determinant = (bank.scores(column) for column in bank.columns)
    assert np.isfinite(norm).tolist() == [False, True, False, False, True, True]
    assert np.isfinite(determinant).tolist() == [False, True, False, False, False, True]
    for column, numbers in zip(columns, (norm, determinant), strict=True):
        np.testing.assert_allclose(numbers, scored(column, pool, None), rtol=2e-5)
    assert "in a row" in bank.notes[0]
    assert "same for all samples" in bank.notes[2]
    assert "no such file" in bank.notes[3]
    assert "logdet takes square matrices" in bank.notes[4]
    assert bank.notes[1] == bank.notes[5] == ""
