"""Proxies that share a pass score as they do alone, and fail alone too."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests import zoo
from zc_plugins import Excitation, Scorer, recipes
from zc_plugins.probes import SHELF as PROBES
from zc_plugins.probes import Measure, readings
from zc_plugins.probes._shared_pass import SharedProbe
from zc_plugins.proxies import SHELF
from zc_plugins.scores import ScoreTable
from zc_plugins.testing import check_probe, count_synchronisations

TOGETHER = [name for name in PROBES if isinstance(PROBES[name], SharedProbe)]


def measures(probe: str) -> list[Measure]:
    """Of the shelf's proxies, and of EZNAS-A's, that read the probe, each once."""
    known = [*(SHELF[name] for name in SHELF), *recipes.eznas((3, 8, 8), device="cpu").proxies]
    return list(dict.fromkeys(proxy.measure for proxy in known if proxy.reads == probe))


def scored(network: nn.Module, proxies: list[str], **settings: Any) -> ScoreTable:
    return Scorer(proxies, Excitation(**settings), device="cpu").score([network])


@pytest.mark.parametrize("name", list(PROBES))
def test_every_probe_of_the_shelf_conforms(name: str) -> None:
    assert measures(name), "a probe that no proxy reads"
    check_probe(PROBES[name], measures(name))


@pytest.mark.parametrize("network", ["vit_builtin", "caching", "recurrent", "parametrised"])
@pytest.mark.parametrize("name", [*TOGETHER, "logit_jacobian", "zen", "synflow"])
def test_probes_leave_no_fingerprint_on_odd_networks(name: str, network: str) -> None:
    build, shape = zoo.NETWORKS[network]
    check_probe(PROBES[name], measures(name), model=build(), input_shape=shape)


@pytest.mark.parametrize(
    "name", ["plain_cnn", "resnet", "vit_builtin", "recurrent", "in_place", "shared", "dict",
             "dropout_group_norm"],
)  # fmt: skip
def test_all_at_once_is_each_alone(name: str) -> None:
    build, shape = zoo.NETWORKS[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build()
    settings: dict[str, Any] = {"input_shape": shape, "batch_size": 4}
    together = scored(network, list(SHELF), **settings)
    for proxy in SHELF:
        alone = scored(network, [proxy], **settings)
        value, beside = alone.values[0, 0], together.column(proxy)[0]
        assert value == pytest.approx(beside, rel=1e-6, abs=1e-6, nan_ok=True), proxy
        assert alone.notes[0].get(proxy) == together.notes[0].get(proxy)
        np.testing.assert_allclose(
            alone.layers[proxy][0], together.layers[proxy][0], rtol=1e-5, atol=1e-6
        )


def test_given_batches_are_shared_too() -> None:
    settings = {
        "inputs": torch.randn(6, 3, 12, 12),
        "targets": torch.randint(0, 10, (6,)),
        "second": (torch.randn(6, 3, 12, 12), None),
    }
    network = zoo.plain_cnn()
    together = scored(network, list(SHELF), **settings)
    assert together.scored.all(), together.notes
    for proxy in SHELF:
        alone = scored(network, [proxy], **settings).values[0, 0]
        assert alone == pytest.approx(together.column(proxy)[0], rel=1e-6), proxy


class Applied(nn.Module):
    """A network and what comes after it, or a parallel path."""

    def __init__(self, activation: Any, *, branches: bool = False) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 6, 3), nn.Conv2d(3, 6, 3)
        self.activation, self.branches, self.head = activation, branches, zoo.Head(6)

    def forward(self, x: Tensor) -> Tensor:
        left = self.left(x)
        if self.branches:
            return self.head(self.activation(left)) + self.head(self.activation(self.right(x)))
        return self.head(self.activation(left))


BLOCKS = {"expressivity", "progressivity", "trainability"}
RECTIFIERS = {"naswot", "swap", "linear_regions", "dead_units"}
FAILURES: dict[str, tuple[Any, dict[str, Any], set[str], str]] = {
    "no block boundary": (
        lambda: Applied(F.relu, branches=True), {}, BLOCKS | {"zen_score", "zen_score_authors"},
        "block boundary|carries the whole",
    ),
    "no rectifier": (
        lambda: Applied(torch.tanh), {}, RECTIFIERS, "no rectifier",
    ),
    "targets of no class": (
        lambda: Applied(F.relu),
        {"inputs": torch.randn(6, 3, 12, 12), "targets": torch.rand(6, 10).softmax(1)},
        {"epe_nas", "zico", "zico_bc"}, "one class a sample|two batches",
    ),
    "integers": (
        lambda: nn.Sequential(nn.Embedding(9, 8), nn.Linear(8, 4), nn.ReLU(), zoo.Head(12)),
        {"inputs": torch.randint(0, 9, (6, 12))},
        BLOCKS | {"jacov", "epe_nas", "zen_score", "zen_score_authors", "zico", "zico_bc"},
        "integer input|two batches",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_costs_its_own_cell_only(case: str) -> None:
    build, settings, lost, reason = FAILURES[case]
    settings = settings or {"input_shape": (3, 12, 12), "batch_size": 6}
    network = build()
    together = scored(network, list(SHELF), **settings)
    assert set(together.notes[0]) == lost, together.notes
    for proxy in SHELF:
        alone = scored(network, [proxy], **settings)
        assert alone.values[0, 0] == pytest.approx(
            together.column(proxy)[0], rel=1e-6, nan_ok=True
        ), proxy
    assert all(re.search(reason, note) for note in together.notes[0].values())


def test_a_loss_that_raises_costs_the_proxies_that_read_it() -> None:
    def fails(output: Any, targets: Tensor) -> Tensor:
        raise ArithmeticError("no such loss")

    table = scored(zoo.plain_cnn(), list(SHELF), input_shape=(3, 8, 8), batch_size=4, loss=fails)
    lost = {
        proxy
        for proxy in SHELF
        if SHELF[proxy].reads
        in ("task", "two_tasks", "layer_outputs", "loss", "hessian", "sample_gradients")
    }
    assert set(table.notes[0]) == lost
    assert all("no such loss" in note for note in table.notes[0].values())


def test_a_proxy_that_raises_costs_its_own_cell_only() -> None:
    broken = replace(SHELF["snip"], name="broken", layer_score=lambda statistic: 1 / 0)
    excitation = Excitation((3, 8, 8), batch_size=4)
    table = Scorer(["snip", broken], excitation, device="cpu").score([zoo.plain_cnn()])
    assert np.isfinite(table.column("snip")[0])
    assert table.notes[0] == {"broken": "ZeroDivisionError: division by zero"}


@pytest.mark.parametrize("name", ["plain_cnn", "vit", "recurrent"])
def test_the_whole_pass_waits_once(name: str) -> None:
    build, shape = zoo.NETWORKS[name]
    network, excitation = build(), Excitation(shape, batch_size=4)
    wanted = {probe: (PROBES[probe], measures(probe)) for probe in TOGETHER}
    with count_synchronisations() as synchronisations:
        outcomes = readings(network, excitation, wanted, seed=0)
    assert not [outcome for outcome in outcomes.values() if isinstance(outcome, Exception)]
    assert synchronisations.calls == ["cpu"]


def test_no_network_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("a deep copy")

    monkeypatch.setattr(copy, "deepcopy", refuses)
    monkeypatch.setattr(nn.Module, "__deepcopy__", refuses, raising=False)
    for name in ("plain_cnn", "vit", "in_place"):
        build, shape = zoo.NETWORKS[name]
        table = scored(build(), list(SHELF), input_shape=shape, batch_size=4)
        assert not any("deep copy" in note for note in table.notes[0].values())
        assert table.scored[0], table.notes


def test_one_forward_serves_all_stages() -> None:
    """Of the first batch; the second batch's is the other."""
    network, excitation = zoo.plain_cnn(), Excitation((3, 8, 8), batch_size=4)
    batches = []
    handle = network.register_forward_hook(
        lambda module, args, output: batches.append(args[0].device.type)
    )
    wanted = {probe: (PROBES[probe], measures(probe)) for probe in TOGETHER}
    readings(network, excitation, wanted, seed=0)
    handle.remove()
    assert batches.count("cpu") == 2
