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
        ({"depth": 1}, True),
        ({"depth": 0.5}, False),
        ({"latency": 1.0, "measure_latency": lambda model: 0.5}, True),
        ({"latency": 1.0, "measure_latency": lambda model: 1.5}, False),
        ({"latency": 1.0, "measure_latency": lambda model: math.nan}, False),
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


COSTS = ["params", "flops", "depth", "activation_memory", "latency"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the costs that were computed, in order."""
    names: list[str] = []
    cost = Budget.cost

    def spied(self: Budget, name: str, model: nn.Module) -> float:
        names.append(name)
        return cost(self, name, model)

    monkeypatch.setattr(Budget, "cost", spied)
    return names


def limits(broken: str = "") -> dict[str, float]:
    """All limits, one of them out of reach."""
    return {name: 1e-9 if name == broken else 1e9 for name in COSTS}


@pytest.mark.parametrize("broken", COSTS)
def test_the_first_broken_limit_ends_it(broken: str, asked: list[str]) -> None:
    budget = Budget((4,), **limits(broken))  # type: ignore[arg-type]
    assert not budget.admits(LINEAR)
    assert asked == COSTS[: COSTS.index(broken) + 1]
    asked.clear()
    assert list(budget.costs(LINEAR)) == asked == COSTS
    assert {name for name, part in budget.excess(budget.costs(LINEAR)).items() if part > 0} == {
        broken
    }


def test_all_costs_of_what_is_admitted(asked: list[str]) -> None:
    assert Budget((4,), **limits()).admits(LINEAR)  # type: ignore[arg-type]
    assert asked == COSTS
    asked.clear()
    measured: list[nn.Module] = []

    def seconds(model: nn.Module) -> float:
        measured.append(model)
        return 1.0

    assert Budget((4,), latency=1, depth=1, measure_latency=seconds).admits(LINEAR)
    assert (asked, measured) == (["depth", "latency"], [LINEAR])


def test_the_batch_in_which_latency_is_measured() -> None:
    batches = []

    def forward(model: nn.Module, x: Any) -> Any:
        batches.append(len(x))
        return model(x)

    Budget((4,), latency=1, batch_size=7, forward=forward).costs(LINEAR)
    assert set(batches) == {7}
    batches.clear()
    Budget((4,), latency=1, forward=forward).costs(LINEAR)
    assert set(batches) == {1}
    with pytest.raises(InvalidArgument, match="batch_size=0"):
        Budget((4,), latency=1, batch_size=0)


def test_settings_by_place_keep_their_places() -> None:
    budget = Budget((4,), 1, 2, 3, 4, abs, max)  # type: ignore[arg-type]
    assert (budget.params, budget.flops, budget.activation_memory, budget.latency) == (1, 2, 3, 4)
    assert (budget.measure_latency, budget.forward) == (abs, max)


@pytest.mark.parametrize("name", COSTS)
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
    Budget(shape, params=1, flops=1, depth=1, activation_memory=1, latency=1).costs(network)
    _assert_same(before, _fingerprint(network), "asking for the costs")
