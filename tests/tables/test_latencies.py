"""Latencies as they lie in the shared data: exact numbers in seconds, what cannot run, refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from zc_plugins.errors import InvalidArgument
from zc_plugins.tables.latencies import DEVICES, latencies
from zc_plugins.tables.nasbench201 import nasbench201

FIRST = (
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|"
    "+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
)


@pytest.fixture(scope="module")
def folder(shared_file: Callable[[str], Path]) -> Path:
    pytest.importorskip("pyarrow.parquet")
    for file in {*DEVICES.values(), "nb201_main.parquet"}:
        path = shared_file(file)
    return path.parent


@pytest.mark.parametrize(
    ("device", "dataset", "milliseconds"),
    [
        ("edgegpu", "cifar10", 5.807418346),
        ("raspi4", "cifar100", 10.432981491),
        ("fpga", "imagenet16-120", 0.649119973),
        ("1080ti_256", "cifar10", 17.255277634),
        ("samsung_s7", "cifar10", 29.0),
        ("i7_7820x", "cifar10", 3.896705866),
    ],
)
def test_the_first_cell(device: str, dataset: str, milliseconds: float, folder: Path) -> None:
    found = latencies(folder, device, dataset)
    assert found[FIRST] == pytest.approx(milliseconds / 1000, rel=1e-8)


def test_every_device(folder: Path) -> None:
    assert len(DEVICES) == 30
    table = nasbench201(folder)
    unknown = {"edgetpu": 4_699, "i7_7820x": 341}
    for device in DEVICES:
        found = latencies(folder, device)
        assert tuple(found) == table.architectures
        seconds = np.array(list(found.values()))
        assert np.isnan(seconds).sum() == unknown.get(device, 0)
        # A cell without a path is folded away on some devices, down to microseconds.
        runs = seconds[table.connected]
        assert 2e-4 < np.nanmin(runs) < np.nanmax(runs) < 0.2
    np.testing.assert_array_equal(
        np.isnan(list(latencies(folder, "i7_7820x").values())), ~table.connected
    )


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="device='abacus'"):
        latencies(tmp_path, "abacus")
    with pytest.raises(InvalidArgument, match="dataset='mnist'"):
        latencies(tmp_path, "fpga", "mnist")
    with pytest.raises(InvalidArgument, match="measured on cifar10 only"):
        latencies(tmp_path, "pixel2", "cifar100")
    with pytest.raises(InvalidArgument, match=r"nb201_hw_nas_bench\.parquet"):
        latencies(tmp_path, "fpga")
