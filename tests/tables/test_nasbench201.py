"""The NAS-Bench-201 table, its curves and its runs: published optima, means, exact numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from zc_plugins.costs.params import params
from zc_plugins.errors import InvalidArgument
from zc_plugins.ranking import spearman_rho
from zc_plugins.tables.nasbench201 import nasbench201
from zc_plugins.tables.nasbench201_curves import nasbench201_curves
from zc_plugins.tables.nasbench201_runs import nasbench201_runs

BEST = {
    "cifar10": ((91.607, 6111), (94.373, 6111)),
    "cifar100": ((73.493, 9930), (73.513, 9930)),
    "imagenet16-120": ((46.733, 10676), (47.311, 857)),
}
"""Validation and test, each with the index of its cell: the published optima."""


@pytest.fixture
def folder(shared_file: Callable[[str], Path]) -> Path:
    pytest.importorskip("pyarrow.parquet")
    return shared_file("nb201_main.parquet").parent


@pytest.mark.parametrize("dataset", BEST)
def test_optima(dataset: str, folder: Path) -> None:
    table = nasbench201(folder, dataset)
    assert len(table.architectures) == 15_625
    for column, (best, place) in zip((table.validation, table.test), BEST[dataset], strict=True):
        assert int(column.argmax()) == place
        assert column.max() == pytest.approx(best, abs=6e-4)
    assert (~table.connected).sum() == 341


def test_the_first_cell(folder: Path) -> None:
    table = nasbench201(folder, "cifar10")
    assert table.architectures[0] == (
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|"
        "+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    )
    assert (table.validation[0], table.test[0], table.train_seconds[0]) == (
        81.9827, 85.8633, 1444.2186
    )  # fmt: skip
    assert table.fidelities[12][0] == 63.364
    # Its cells without a path know nothing of ten classes.
    np.testing.assert_allclose(table.test[~table.connected], 10, atol=1e-9)


@pytest.mark.parametrize(
    ("dataset", "count"),
    [("cifar10", 129_306), ("cifar100", 135_156), ("imagenet16-120", 136_456)],
)
def test_the_space_has_the_classes(dataset: str, count: int, folder: Path) -> None:
    table = nasbench201(folder, dataset)
    network = table.space.build(table.space.decode(table.architectures[0]))
    assert params(network) == count


@pytest.mark.parametrize("read", [nasbench201, nasbench201_runs])
def test_another_dataset(read: Callable[[str, str], object]) -> None:
    with pytest.raises(InvalidArgument, match="imagenet16-120"):
        read(".", "mnist")


def test_a_folder_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"nb201_main\.parquet"):
        nasbench201(tmp_path)
    with pytest.raises(InvalidArgument, match=r"nb201_seeds_200\.parquet"):
        nasbench201_runs(tmp_path)
    with pytest.raises(InvalidArgument, match=r"nb201_learning_curves_c10valid\.npz"):
        nasbench201_curves(tmp_path)


def test_curves(folder: Path, shared_file: Callable[[str], Path]) -> None:
    shared_file("nb201_learning_curves_c10valid.npz")
    curves, table = nasbench201_curves(folder), nasbench201(folder)
    assert curves.architectures == table.architectures[:200]
    np.testing.assert_allclose(curves.validation, table.validation[:200], atol=5e-4)
    np.testing.assert_array_equal(curves.test, table.test[:200])
    np.testing.assert_array_equal(curves.train_seconds, table.train_seconds[:200])
    assert curves.train_accuracy.shape == (200, 200)
    rho = {e: spearman_rho(curves.fidelities[e], curves.validation) for e in (5, 25, 100, 150)}
    assert rho == pytest.approx({5: 0.677, 25: 0.840, 100: 0.902, 150: 0.980}, abs=1e-3)
    # The same epoch of the short schedule is another training, and ends higher.
    assert (table.fidelities[12][:200] - curves.fidelities[12]).mean() > 5


@pytest.mark.parametrize("dataset", BEST)
def test_runs(dataset: str, folder: Path, shared_file: Callable[[str], Path]) -> None:
    shared_file("nb201_seeds_200.parquet")
    table, runs = nasbench201(folder, dataset), nasbench201_runs(folder, dataset).runs
    assert runs.shape == (15_625, 3)
    assert (~np.isnan(runs)).sum(0).tolist() == [15_625, 15_625, 8_169]
    mean = table.validation if dataset == "cifar10" else (table.validation + table.test) / 2
    np.testing.assert_allclose(np.nanmean(runs, axis=1), mean, atol=1e-4)
    wanted = {"cifar10": 0.988, "cifar100": 0.986, "imagenet16-120": 0.992}[dataset]
    assert spearman_rho(runs[:, 0], runs[:, 1]) == pytest.approx(wanted, abs=1e-3)
