"""Once-for-all subnets as they lie in the shared data: exact sizes, merged rows, refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from zc_plugins.costs.flops import flops
from zc_plugins.costs.params import params
from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces.ofa_mobilenetv3 import OfaMobileNetV3
from zc_plugins.tables.ofa_mobilenetv3 import OfaMobileNetV3Table, ofa_mobilenetv3

FILE = "ofa_mbv3_subnets_imagenet.csv"


@pytest.fixture(scope="module")
def table(shared_file: Callable[[str], Path]) -> OfaMobileNetV3Table:
    return ofa_mobilenetv3(shared_file(FILE).parent)


def test_architectures_and_accuracies(table: OfaMobileNetV3Table) -> None:
    assert len(set(table.architectures)) == len(table.architectures) == 2162
    # The file's 33333353555533335335, 44444364366346433444 and 33343.
    assert table.architectures[0] == (
        "3x4+3x4+3x4|3x4+3x3+5x6|5x3+5x6+5x6|3x4+3x6+3x4+3x3|5x3+3x4+3x4"
    )
    assert (table.params[0], table.flops[0], table.top1[0]) == (4_819_200, 265_450_224, 75.756)
    assert 70 < table.top1.min() < table.top1.max() < 78


def test_params_and_flops(table: OfaMobileNetV3Table) -> None:
    """Of every 50th, exactly, at 1,000 classes and 224 pixels."""
    space = OfaMobileNetV3()
    rows = zip(table.architectures, table.params, table.flops, strict=True)
    for text, wanted_params, wanted_flops in list(rows)[::50]:
        with torch.device("meta"):
            network = space.build(space.decode(text))
        assert params(network) == wanted_params
        assert flops(network, (3, 224, 224)) == wanted_flops


def test_rows_that_differ_in_idle_digits_only_are_one(tmp_path: Path) -> None:
    """The third row is another architecture: its first block's kernel is another one."""
    kernels = ["33" + "77" + "35" * 8, "33" + "55" + "35" * 8, "53" + "77" + "35" * 8]
    lines = ["ks,e,d,resolution,params,macs,top1,top1_spread,n"] + [
        f"{ks},{'3446' * 5},23444,224,7,9,{top1},0.0,1"
        for ks, top1 in zip(kernels, (70, 71, 72), strict=True)
    ]
    (tmp_path / FILE).write_text("\n".join(lines) + "\n")
    table = ofa_mobilenetv3(tmp_path)
    four = "|".join(["3x3+5x4+3x4+5x6"] * 3)
    assert table.architectures == (
        f"3x3+3x4|3x3+5x4+3x4|{four}",
        f"5x3+3x4|3x3+5x4+3x4|{four}",
    )
    np.testing.assert_array_equal(table.top1, [70.5, 72])
    np.testing.assert_array_equal([table.params, table.flops], [[7, 7], [9, 9]])


def test_a_folder_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=FILE):
        ofa_mobilenetv3(tmp_path)
