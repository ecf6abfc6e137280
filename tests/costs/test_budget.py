"""Budgets admit what keeps every limit, and no cost changes the network."""

from __future__ import annotations

import math
from typing import Any

import pytest
from torch import nn

from tests import zoo
from zc_plugins import Budget
from zc_plugins.errors import InputShapeMismatch, InvalidArgument
from zc_plugins.testing.check_probe import _assert_same, _fingerprint

LINEAR = nn.Linear(4, 8)  # 40 parameters, 32 multiply-adds, 16 bytes of input


@pytest.mark.parametrize(
    ("limits", "admitted"),
    [
        ({}, True),
        ({"params": 40}, True),
        ({"params": 39}, False),
        ({"flops": 32}, True),
        ({"flops": 31.5}, False),
        ({"activation_memory": 16}, True),
        ({"activation_memory": 15}, False),
        ({"params": 40, "flops": 31}, False),
        ({"latency": 1.0, "measure_latency": lambda model: 0.5}, True),
        ({"latency": 1.0, "measure_latency": lambda model: 1.5}, False),
        ({"latency": 3600.0}, True),
    ],
)
def test_admits(limits: dict[str, Any], admitted: bool) -> None:
    assert Budget((4,), **limits).admits(LINEAR) is admitted


def test_costs_are_those_that_are_limited() -> None:
    budget = Budget((4,), params=80, flops=16, latency=2, measure_latency=lambda model: 1)
    costs = budget.costs(LINEAR)
    assert costs == {"params": 40, "flops": 32, "latency": 1}
    assert budget.excess(costs) == {"params": -0.5, "flops": 1.0, "latency": -0.5}
    assert Budget((4,)).costs(LINEAR) == {}


@pytest.mark.parametrize("name", ["params", "flops", "activation_memory", "latency"])
@pytest.mark.parametrize("limit", [0, -1, math.nan, math.inf])
def test_impossible_limits(name: str, limit: float) -> None:
    with pytest.raises(InvalidArgument, match=f"{name}="):
        Budget((4,), **{name: limit})


def test_impossible_shape() -> None:
    with pytest.raises(InvalidArgument, match="input_shape"):
        Budget((0,))
    with pytest.raises(InputShapeMismatch):
        Budget((5,), flops=1).admits(LINEAR)


@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_the_network_is_unchanged(name: str) -> None:
    build, shape = zoo.NETWORKS[name]
    network = build()
    network.eval()
    list(network.modules())[-1].train()
    before = _fingerprint(network)
    Budget(shape, params=1, flops=1, activation_memory=1, latency=1).costs(network)
    _assert_same(before, _fingerprint(network), "asking for the costs")
