"""Suite-Zero's extra data sets: codes put to the proof by parameter counts and by zen scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from zc_plugins.costs.params import params
from zc_plugins.errors import InvalidArgument
from zc_plugins.ranking import spearman_rho
from zc_plugins.spaces.darts import Darts
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.spaces.transnasbench101_micro_small import TransNasBench101MicroSmall
from zc_plugins.tables.nasbench201 import nasbench201
from zc_plugins.tables.suitezero_extra import DATASETS, SPACES, suitezero_extra

FILE = "suitezero_9extra_datasets.parquet"
CLASSES = {"svhn": 10, "ninapro": 18, "spherical-cifar100": 100}


@pytest.fixture
def folder(shared_file: Callable[[str], Path]) -> Path:
    pytest.importorskip("pyarrow.parquet")
    return shared_file(FILE).parent


@pytest.mark.parametrize(
    ("space", "size"), [("nasbench201", 199), ("transnasbench101-micro", 192), ("nasbench301", 199)]
)
def test_sizes_and_accuracies(space: str, size: int, folder: Path) -> None:
    table = suitezero_extra(folder, space)
    assert len(set(table.architectures)) == len(table.architectures) == size
    for dataset in DATASETS:
        accuracy = table.validation[dataset]
        assert accuracy.shape == (size,)
        assert accuracy.dtype == np.float64
        assert 0.5 < accuracy.min() < accuracy.max() < 98


def test_the_first_rows(folder: Path) -> None:
    table = suitezero_extra(folder, "nasbench201")
    assert table.architectures[0] == (
        "|nor_conv_1x1~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|none~1|avg_pool_3x3~2|"
    )
    assert table.validation["svhn"][0] == pytest.approx(95.8705, abs=1e-4)
    micro = suitezero_extra(folder, "transnasbench101-micro")
    # The file's 031023: skip, conv1x1, none, skip, conv3x3, conv1x1.
    assert micro.architectures[0] == "1_21_032"


@pytest.mark.parametrize("dataset", CLASSES)
def test_params_of_nasbench201(dataset: str, folder: Path) -> None:
    """All 199, exactly, but for NinaPro's first convolution of one input channel, not three."""
    table = suitezero_extra(folder, "nasbench201")
    ours = counted(NasBench201(classes=CLASSES[dataset]), table.architectures)
    assert set(ours - table.params[dataset]) == {2 * 9 * 16 if dataset == "ninapro" else 0}


@pytest.mark.parametrize("dataset", CLASSES)
def test_params_of_micro(dataset: str, folder: Path) -> None:
    """All 192, likewise."""
    table = suitezero_extra(folder, "transnasbench101-micro")
    ours = counted(TransNasBench101MicroSmall(classes=CLASSES[dataset]), table.architectures)
    assert set(ours - table.params[dataset]) == {2 * 9 * 64 if dataset == "ninapro" else 0}


@pytest.mark.parametrize("dataset", CLASSES)
def test_params_of_nasbench301(dataset: str, folder: Path) -> None:
    """Of every tenth, likewise."""
    table = suitezero_extra(folder, "nasbench301")
    space = Darts(classes=CLASSES[dataset], affine=False)
    ours = counted(space, table.architectures[::10])
    wanted = table.params[dataset][::10]
    assert set(ours - wanted) == {2 * 9 * 96 if dataset == "ninapro" else 0}


def counted(space: Any, architectures: tuple[str, ...]) -> Any:
    with torch.device("meta"):
        return np.array([params(space.build(space.decode(text))) for text in architectures])


def test_codes_of_micro_cells_by_their_zen_scores(shared_file: Callable[[str], Path]) -> None:
    """The order of edges cannot be told from parameters: zen scores of the same cells tell it.

    With the orders of edges that come next they correlate by .987 and less.
    """
    parquet = pytest.importorskip("pyarrow.parquet")
    here = parquet.read_table(shared_file(FILE), columns=["space", "dataset", "code", "zen"])
    there = parquet.read_table(
        shared_file("tnb101_proxies_suitezero.parquet"), columns=["space", "task", "code", "zen"]
    )
    published = {
        row["code"]: row["zen"]
        for row in there.to_pylist()
        if (row["space"], row["task"]) == ("micro", "class_object")
    }
    rows = [
        (SPACES["transnasbench101-micro"][1](row["code"]).replace("_", ""), row["zen"])
        for row in here.to_pylist()
        if (row["space"], row["dataset"]) == ("transbench101_micro", "svhn")
    ]
    pairs = [(zen, published[code]) for code, zen in rows if published[code] is not None]
    assert len(pairs) > 150
    assert spearman_rho(*np.array(pairs).T) > 0.999


def test_what_goes_with_cifar10(folder: Path) -> None:
    """SVHN does, so that codes and cells belong together; the doubt about spherical CIFAR-100."""
    if not (folder / "nb201_main.parquet").is_file():
        pytest.skip("no nb201_main.parquet")
    main, table = nasbench201(folder), suitezero_extra(folder)
    accuracy = dict(zip(main.architectures, main.validation, strict=True))
    cifar10 = np.array([accuracy[text] for text in table.architectures])
    rho = {name: spearman_rho(table.validation[name], cifar10) for name in DATASETS}
    assert rho["svhn"] > 0.85
    assert 0.1 < rho["ninapro"] < 0.25
    assert rho["spherical-cifar100"] < -0.1


def test_another_space(folder: Path) -> None:
    with pytest.raises(InvalidArgument, match="nasbench201"):
        suitezero_extra(folder, "nasbench101")


def test_a_folder_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=FILE):
        suitezero_extra(tmp_path)
