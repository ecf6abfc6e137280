"""Multiply-adds against pencil and paper, and against the NAS-Bench-201 table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from tests import zoo
from zc_plugins.costs.flops import flops
from zc_plugins.costs.params import params
from zc_plugins.errors import InputShapeMismatch, InvalidArgument
from zc_plugins.spaces.nasbench201 import NasBench201


class ScaledDotProduct(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(x, x, x)


def self_attention(model: nn.Module, x: Tensor) -> Any:
    return model(x, x, x)[0]


CASES: dict[str, tuple[nn.Module, tuple[int, ...], int]] = {
    "linear": (nn.Linear(7, 5), (7,), 7 * 5),
    "linear over tokens": (nn.Linear(7, 5), (11, 7), 11 * 7 * 5),
    "conv": (nn.Conv2d(3, 8, 3, padding=1), (3, 10, 12), 10 * 12 * 8 * 3 * 9),
    "strided": (nn.Conv2d(3, 8, 3, 2, 1), (3, 9, 10), 5 * 5 * 8 * 3 * 9),
    "valid": (nn.Conv2d(3, 8, 5), (3, 10, 10), 6 * 6 * 8 * 3 * 25),
    "depthwise": (nn.Conv2d(8, 8, 3, padding=1, groups=8), (8, 6, 6), 6 * 6 * 8 * 9),
    "dilated": (nn.Conv2d(2, 4, 3, dilation=2), (2, 9, 9), 5 * 5 * 4 * 2 * 9),
    "conv1d": (nn.Conv1d(2, 4, 3), (2, 10), 8 * 4 * 2 * 3),
    "conv3d": (nn.Conv3d(2, 4, 2), (2, 3, 4, 5), 2 * 3 * 4 * 4 * 2 * 8),
    "attention": (ScaledDotProduct(), (2, 5, 8), 2 * 2 * 5 * 5 * 8),
    "no arithmetic": (nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)), (3, 8, 8), 0),
    "normalisation": (nn.BatchNorm2d(3), (3, 8, 8), 0),
}


@pytest.mark.parametrize("name", CASES)
def test_by_hand(name: str) -> None:
    model, shape, wanted = CASES[name]
    assert flops(model, shape) == wanted


@pytest.mark.parametrize("name", [n for n in zoo.NETWORKS if n != "value_dependent"])
def test_as_torch_counts(name: str) -> None:
    build, shape = zoo.NETWORKS[name]
    counted, model = flops(build(), shape), build()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.to("meta").train()(torch.zeros(2, *shape, device="meta"))
    assert counted == counter.get_total_flops() // 4


def test_multi_head_attention() -> None:
    tokens, width = 5, 8
    projections = tokens * width * 3 * width + tokens * width * width
    attention = nn.MultiheadAttention(width, 2, batch_first=True)
    counted = flops(attention, (tokens, width), forward=self_attention)
    assert counted == projections + 2 * tokens * tokens * width


def test_a_run_that_broke_on_the_meta_device_counts_nothing() -> None:
    class Steady(zoo.ValueDependent):
        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.late(self.early(x)))

    wanted = flops(Steady(), (3, 8, 8))
    assert flops(zoo.ValueDependent(), (3, 8, 8)) == wanted > 0


def test_shared_module_counts_each_run() -> None:
    one = 8 * 8 * 8 * 9 * 8 * 8 // 8
    network = nn.Sequential(*[nn.Conv2d(8, 8, 3, padding=1)] * 3)
    assert flops(network, (8, 8, 8)) == 3 * one
    assert params(network) == 8 * 8 * 9 + 8


@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_batch_and_precision_do_not_matter(name: str) -> None:
    build, shape = zoo.NETWORKS[name]
    counted = flops(build(), shape)
    assert counted > 0
    assert flops(build().double().eval(), shape) == counted


@pytest.mark.parametrize("shape", [(5, 8, 8), (8, 8), (3,)])
def test_refused_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputShapeMismatch, match="does not fit the network"):
        flops(zoo.plain_cnn(), shape)


@pytest.mark.parametrize("shape", [(), (0, 3), (-1,)])
def test_impossible_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidArgument, match="positive sizes"):
        flops(zoo.plain_cnn(), shape)


def test_nasbench201_table(shared_file: Callable[[str], Path]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = ["arch", "c10_params_M", "c10_flops_M"]
    table = parquet.read_table(shared_file("nb201_main.parquet"), columns=columns).to_pylist()
    space = NasBench201()
    for place in np.random.default_rng(0).choice(len(table), 6, replace=False):
        row = table[place]
        network = space.build(space.decode(row["arch"]))
        assert params(network) == round(row["c10_params_M"] * 1e6)
        # The table counts bias additions.
        assert flops(network, (3, 32, 32)) == pytest.approx(row["c10_flops_M"] * 1e6, rel=1e-4)
