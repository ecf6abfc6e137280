"""The shipped suites accept what is right, and name what is wrong in broken items."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from zc_plugins.ensembles.az_rank import az_rank
from zc_plugins.ensembles.borda import borda
from zc_plugins.errors import EmptyTable, Unscorable
from zc_plugins.probes import SHELF as PROBES
from zc_plugins.probes import Excitation, Measure, Probe, Reading
from zc_plugins.probes.block_vjp import block_vjp
from zc_plugins.probes.cost import cost
from zc_plugins.proxies.expressivity import expressivity
from zc_plugins.proxies.params import params
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces.module import ModuleSpace
from zc_plugins.spaces.nasbench201 import Cell, NasBench201
from zc_plugins.testing import check_ensemble, check_probe, check_proxy, check_space


def number(evidence: Any) -> torch.Tensor:
    return torch.ones(())


def leaves(disturb: Callable[[nn.Module], Any], *, on_error: bool = False) -> Probe:
    """A right probe that then does something to the network."""

    def probe(model: nn.Module, excitation: Excitation, measures: Any, *, seed: int) -> Reading:
        try:
            reading = block_vjp(model, excitation, measures, seed=seed)
        except Exception:
            disturb(model)
            raise
        if not on_error:
            disturb(model)
        return reading

    return probe


def convolution(model: nn.Module) -> Any:
    return model.get_submodule("3")


def write_weight(model: nn.Module) -> None:
    with torch.no_grad():
        convolution(model).weight.add_(1)


def replace_storage(model: nn.Module) -> None:
    convolution(model).weight.data = convolution(model).weight.data.clone()


def replace_parameter(model: nn.Module) -> None:
    convolution(model).bias = nn.Parameter(convolution(model).bias.detach())


def write_buffer(model: nn.Module) -> None:
    model.get_submodule("1").running_mean.add_(1)  # type: ignore[union-attr, operator]


def write_gradient(model: nn.Module) -> None:
    model.get_submodule("0").weight.grad.add_(1)  # type: ignore[union-attr, operator]


def thaw(model: nn.Module) -> None:
    convolution(model).weight.requires_grad_(True)


FINGERPRINTS: dict[str, tuple[Callable[[nn.Module], Any], str]] = {
    "forward hook": (
        lambda m: convolution(m).register_forward_hook(lambda *a: None),
        "forward_hooks of 3",
    ),
    "pre hook": (
        lambda m: m.register_forward_pre_hook(lambda *a: None),
        "forward_pre_hooks of the network",
    ),
    "weight": (write_weight, "the values of 3.weight"),
    "storage": (replace_storage, "the storage of 3.weight"),
    "parameter": (replace_parameter, "the identity of 3.bias"),
    "buffer": (write_buffer, "the values of 1.running_mean"),
    "gradient": (write_gradient, "the gradient of 0.weight"),
    "requires_grad": (thaw, "requires_grad of 3.weight"),
    "mode": (lambda m: m.eval(), "the mode of"),
    "torch": (lambda m: torch.rand(1), "the global state of torch"),
    "numpy": (lambda m: np.random.rand(), "the global state of numpy"),
    "random": (lambda m: random.random(), "the global state of random"),
}


@pytest.mark.parametrize("on_error", [False, True])
@pytest.mark.parametrize("name", FINGERPRINTS)
def test_check_probe_finds_fingerprints(name: str, on_error: bool) -> None:
    disturb, claim = FINGERPRINTS[name]
    with pytest.raises(AssertionError, match=claim):
        check_probe(leaves(disturb, on_error=on_error), [number])


def test_check_probe_finds_second_synchronisation() -> None:
    def probe(model: nn.Module, excitation: Excitation, measures: Any, *, seed: int) -> Reading:
        torch.ones(()).item()
        return block_vjp(model, excitation, measures, seed=seed)

    with pytest.raises(AssertionError, match="waits for the device"):
        check_probe(probe, [number])


def test_check_probe_finds_chance() -> None:
    # Reads the global generator before it is seeded, and puts it back.
    def probe(model: nn.Module, excitation: Excitation, measures: Any, *, seed: int) -> Reading:
        state = torch.get_rng_state()
        chance = torch.rand(())
        torch.set_rng_state(state)
        measure: Measure = lambda evidence: chance  # noqa: E731
        return block_vjp(model, excitation, [measure], seed=seed)

    with pytest.raises(AssertionError, match="two readings"):
        check_probe(probe, [number])


def test_check_probe_lets_errors_of_the_first_run_through() -> None:
    def probe(model: nn.Module, excitation: Excitation, measures: Any, *, seed: int) -> Reading:
        raise Unscorable("never")

    with pytest.raises(Unscorable, match="never"):
        check_probe(probe, [number])


BROKEN_PROXIES = {
    "probe": (replace(expressivity, reads="nothing"), "no probe"),
    "infinite": (replace(expressivity, reduce=lambda v: np.inf), "on a live network"),
    "raises": (replace(expressivity, layer_score=lambda s: 1 / 0), "division"),
}


@pytest.mark.parametrize("name", BROKEN_PROXIES)
def test_check_proxy_finds(name: str) -> None:
    proxy, claim = BROKEN_PROXIES[name]
    with pytest.raises((AssertionError, ZeroDivisionError), match=claim):
        check_proxy(proxy)


def test_check_proxy_finds_that_a_dead_network_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    def counts_layers(model: nn.Module, *args: Any, seed: int) -> Reading:
        return Reading(("all",), ((("all", np.array(float(len(list(model.modules()))))),),))

    monkeypatch.setitem(PROBES._items, "counts_layers", counts_layers)
    with pytest.raises(AssertionError, match="NaN is wanted"):
        check_proxy(replace(params, reads="counts_layers"))


def sum_of_values(table: ScoreTable, reference: ScoreTable | None = None) -> np.ndarray:
    if not table.values.size:
        raise EmptyTable("empty")
    return np.where(table.scored, table.oriented.sum(1), -np.inf)


def no_error(table: ScoreTable, reference: ScoreTable | None = None) -> np.ndarray:
    with suppress(EmptyTable):
        return az_rank(table, reference)
    return np.empty(0)


BROKEN_ENSEMBLES: dict[str, tuple[Any, str]] = {
    "values": (sum_of_values, "monotone"),
    "direction": (lambda t, r=None: -borda(t, r), "best under every proxy"),
    "unscored": (lambda t, r=None: np.nan_to_num(az_rank(t, r), neginf=-1e8), "not -inf"),
    "place": (lambda t, r=None: borda(t, r) + np.arange(len(t)), "order of the candidates"),
    "no reference": (lambda t, r=None: az_rank(t), "depends on the other candidates"),
    "no error": (no_error, "EmptyTable is wanted"),
    "shape": (lambda t, r=None: az_rank(t, r)[:, None], "shape"),
    "list": (lambda t, r=None: list(az_rank(t, r)), "array"),
}


@pytest.mark.parametrize("name", BROKEN_ENSEMBLES)
def test_check_ensemble_finds(name: str) -> None:
    ensemble, claim = BROKEN_ENSEMBLES[name]
    with pytest.raises(AssertionError, match=claim):
        check_ensemble(ensemble)


class Unseeded(NasBench201):
    def sample(self, rng: np.random.Generator) -> Cell:
        return super().sample(np.random.default_rng(np.random.randint(2**31)))


class Still(NasBench201):
    def mutate(self, architecture: Cell, rng: np.random.Generator) -> Cell:
        return architecture


class Forgets(NasBench201):
    def encode(self, architecture: Cell) -> str:
        return super().encode(Cell(("none", *architecture.operations[1:])))

    def decode(self, text: str) -> Cell:
        return NasBench201().decode(text)


class Turns(NasBench201):
    def canonical(self, architecture: Cell) -> Cell:
        return Cell((*architecture.operations[1:], architecture.operations[0]))


class OtherGenerator(NasBench201):
    def build(self, architecture: Cell) -> nn.Module:
        network = super().build(architecture)
        generator = torch.Generator()
        generator.seed()
        classifier = network.get_submodule("classifier")
        nn.init.normal_(classifier.weight, generator=generator)  # type: ignore[arg-type]
        return network


class LeavesOut(NasBench201):
    def parameters(self, architecture: Cell) -> dict[str, str]:
        return dict(list(super().parameters(architecture).items())[1:])


class Swaps(NasBench201):
    def parameters(self, architecture: Cell) -> dict[str, str]:
        parameters = super().parameters(architecture)
        return dict(zip(parameters, reversed(parameters.values()), strict=True))


BROKEN_SPACES = {
    "sample": (Unseeded, "two samples"),
    "mutate": (Still, "the architecture itself"),
    "encode": (Forgets, "by way of"),
    "canonical": (Turns, "canonical form"),
    "missing parameter": (LeavesOut, "in a trial"),
    "other parameters": (Swaps, "by way of its parameters"),
    "build": (OtherGenerator, "differs in classifier.weight"),
}


@pytest.mark.parametrize("name", BROKEN_SPACES)
def test_check_space_finds(name: str) -> None:
    space, claim = BROKEN_SPACES[name]
    with pytest.raises(AssertionError, match=claim):
        check_space(space(channels=2, cells_per_stage=1), input_shape=(3, 8, 8))


def test_right_items_pass() -> None:
    check_probe(cost, [lambda evidence: evidence.flops])
    check_proxy(params)
    check_ensemble(az_rank)
    check_space(ModuleSpace(lambda t: nn.Linear(4, t.suggest_int("width", 1, 9))), input_shape=(4,))
