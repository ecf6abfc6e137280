"""The statistics of layers against a slow twin that writes the network out and keeps all."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zc_plugins import Excitation
from zc_plugins.errors import Degenerate, InputShapeMismatch, NoReadableLayers, Unscorable
from zc_plugins.probes import readings
from zc_plugins.probes.relu_conv_bn import STATISTICS, TripleEvidence, relu_conv_bn
from zc_plugins.testing import check_probe
from zc_plugins.testing.synchronisations import count_synchronisations

SHAPE = (3, 6, 6)


class Sum:
    """One statistic's sum weighted by place, so that a swap of entries is seen."""

    def __init__(self, name: str) -> None:
        self.name, self.terminals = name, frozenset([name])

    def __call__(self, evidence: TripleEvidence) -> Tensor:
        assert self.name in evidence.statistics
        return weighted(evidence.statistics[self.name])


def weighted(tensor: Tensor) -> Tensor:
    places = torch.arange(1, tensor.numel() + 1, dtype=tensor.dtype)
    return (tensor.reshape(-1) * places.cos()).sum()


SUMS = [Sum(name) for name in STATISTICS]


class Branches(nn.Module):
    """Two triples that share what enters, one with a depthwise part, written over afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_norm = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.one, self.one_norm = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.depth = nn.Conv2d(4, 4, 3, 2, 1, groups=4, bias=False)
        self.point, self.point_norm = nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5)
        self.alone = nn.Conv2d(4, 5, 1, 2)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(5, 3)
        self.seen: list[weakref.ref[Tensor]] = []

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem_norm(self.stem(x))
        self.seen.append(weakref.ref(x))
        y = self.one_norm(self.one(torch.relu(x)))
        y += x  # overwrites what left the normalisation
        z = self.point_norm(self.point(self.depth(F.relu(y))))
        z = z + self.alone(F.relu(y))
        return self.head(self.relu(z).mean((2, 3)))


def twin(net: Branches, x: Tensor) -> dict[str, dict[str, Tensor]]:
    """Statistics of both triples, without the batch's letter, all kept."""
    k: dict[str, dict[str, Tensor]] = {"one": {}, "point": {}}

    def kept(layer: str, name: str, tensor: Tensor) -> Tensor:
        alias = tensor * 1.0
        alias.retain_grad()
        k[layer][name] = alias
        return alias

    x = net.stem_norm(net.stem(x))
    t = kept("one", "T2", torch.relu(kept("one", "T1", x)))
    y = kept("one", "T4", net.one_norm(net.one(t))) + x
    t = net.depth(torch.relu(kept("point", "T1", y)))
    z = kept("point", "T4", net.point_norm(net.point(kept("point", "T2", t))))
    z = z + net.alone(torch.relu(y))
    net.zero_grad()
    net.head(torch.relu(z).mean((2, 3))).sum().backward()
    for layer, held in k.items():
        grads = {f"{name}G": t.grad for name, t in held.items()}
        weight = net.get_submodule(layer).get_parameter("weight")
        k[layer] = {n: t.detach() for n, t in held.items()}
        k[layer] |= {n: g for n, g in grads.items() if g is not None}
        assert weight.grad is not None
        k[layer] |= {"T3": weight.detach(), "T3G": weight.grad.clone()}
    net.zero_grad()
    return k


def network() -> Branches:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return Branches().double().train()


def read(net: nn.Module, measures: Any = SUMS, **settings: Any) -> dict[str, dict[str, float]]:
    """By layer and statistic."""
    excitation = Excitation(**{"input_shape": SHAPE, "batch_size": 4, **settings})
    reading = relu_conv_bn(net, excitation, measures, seed=1)
    assert not reading.errors
    found: dict[str, dict[str, float]] = {name: {} for name in reading.layers}
    for measure, column in zip(measures, reading.statistics, strict=True):
        assert [layer for layer, _ in column] == list(reading.layers)
        for layer, number in column:
            found[layer][measure.name] = float(number)
    return found


def test_the_22() -> None:
    assert len(STATISTICS) == len(set(STATISTICS)) == 22


def test_as_the_slow_twin() -> None:
    net = network()
    batches: dict[str, Tensor] = {}
    net.register_forward_pre_hook(lambda m, args: batches.update({"DNP"[len(batches)]: args[0]}))
    found = read(net, initialisation="keep")
    given = {letter: x.detach().clone() for letter, x in batches.items()}
    assert list(found) == ["one", "point"]
    assert float((given["P"] - given["D"]).std()) == pytest.approx(0.1, rel=0.1)
    assert abs(float(given["N"].std()) - 1) < 0.1
    assert not torch.equal(given["N"], given["D"])
    net._forward_pre_hooks.clear()
    kept = {letter: twin(net, x) for letter, x in given.items()}
    for layer, numbers in found.items():
        assert numbers.keys() == set(STATISTICS)
        for name, number in numbers.items():
            letter = name[-1] if name != "T3" else "D"
            wanted = kept[letter][layer][name if name == "T3" else name[:-1]]
            if letter == "P":
                wanted = wanted - kept["D"][layer][name[:-1]]
            rel = 1e-6 if letter == "P" else 1e-9
            assert number == pytest.approx(float(weighted(wanted)), rel=rel, abs=1e-12), name


@pytest.mark.parametrize("names", [["T1GD"], ["T3"], ["T3", "T2N"], ["T4P"], ["T3GP", "T1N"]])
def test_a_number_does_not_depend_on_what_else_is_read(names: list[str]) -> None:
    whole, alone = read(network()), read(network(), [Sum(name) for name in names])
    for layer, numbers in alone.items():
        assert numbers == {name: whole[layer][name] for name in names}


@pytest.mark.parametrize(
    ("names", "batches"), [(["T1GD"], 1), (["T3"], 1), (["T2N", "T3"], 1), (["T1P"], 2), (None, 3)]
)
def test_only_the_passes_that_are_asked_for(names: list[str] | None, batches: int) -> None:
    net, runs = network(), []
    net.register_forward_hook(lambda m, args, output: runs.append(output.requires_grad))
    measures = [Sum(name) for name in names] if names else [lambda evidence: torch.zeros(())]
    relu_conv_bn(net, Excitation(SHAPE, batch_size=4), measures, seed=0)
    assert len(runs) == batches
    assert any(runs) is (names is None or any("G" in name for name in names))


def test_a_measure_may_mix_batches_and_places() -> None:
    def mixed(evidence: TripleEvidence) -> Tensor:
        s: Mapping[str, Tensor] = evidence.statistics
        return (s["T1D"] * s["T2GN"].std()).mean() + s["T3"].std() * s["T4P"].std()

    def parts(name: str, how: Any) -> Any:
        measure = lambda evidence: how(evidence.statistics[name])  # noqa: E731
        measure.terminals = {name}  # type: ignore[attr-defined]
        return measure

    measures = [mixed, parts("T1D", Tensor.mean), parts("T2GN", Tensor.std),
                parts("T3", Tensor.std), parts("T4P", Tensor.std)]  # fmt: skip
    reading = relu_conv_bn(network(), Excitation(SHAPE, batch_size=4), measures, seed=1)
    whole, *numbers = [np.array([float(v) for _, v in column]) for column in reading.statistics]
    np.testing.assert_allclose(whole, numbers[0] * numbers[1] + numbers[2] * numbers[3])


def test_conformance() -> None:
    everything = [lambda e: torch.stack([weighted(t) for t in e.statistics.values()])]
    check_probe(relu_conv_bn, everything, model=seen_by_the_suite())
    check_probe(relu_conv_bn, SUMS, model=network().float(), input_shape=SHAPE)


def seen_by_the_suite() -> nn.Module:
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3),
              nn.BatchNorm2d(4), nn.Dropout(0.2), nn.ReLU(True)]  # fmt: skip
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def test_one_wait_for_the_device() -> None:
    with count_synchronisations() as synchronisations:
        relu_conv_bn(network(), Excitation(SHAPE, batch_size=4), SUMS, seed=0)
    assert synchronisations.count == 1


def test_features_are_freed() -> None:
    net = network()
    read(net)
    with pytest.raises(ZeroDivisionError):
        read_broken(net)
    gc.collect()
    assert len(net.seen) == 4
    assert not [reference for reference in net.seen if reference() is not None]


def read_broken(net: nn.Module) -> None:
    handle = net.head.register_forward_hook(lambda *_: 1 / 0)  # type: ignore[union-attr]
    try:
        read(net)
    finally:
        handle.remove()


def test_data_outlive_their_turn_only_for_a_difference() -> None:
    """What one batch of one layer needs is gone when the next layer is read."""
    alive: list[int] = []
    held: list[weakref.ref[Tensor]] = []

    def watch(evidence: TripleEvidence) -> Tensor:
        alive.append(sum(reference() is not None for reference in held))
        held.append(weakref.ref(evidence.statistics["T1GD"]))
        return torch.zeros(())

    watch.terminals = frozenset(["T1GD"])  # type: ignore[attr-defined]
    blocks = [m for _ in range(5) for m in (nn.ReLU(), nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))]
    net = nn.Sequential(*blocks, nn.ReLU(), nn.Flatten(), nn.Linear(108, 2))
    relu_conv_bn(net, Excitation(SHAPE, batch_size=4), [watch], seed=0)
    assert len(alive) == 5
    assert max(alive) <= 1


def test_a_layer_that_runs_twice_is_two() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
            self.head = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            for _ in range(2):
                x = self.norm(self.conv(torch.relu(x)))
            return self.head(torch.relu(x).mean((2, 3)))

    found = read(Twice())
    assert list(found) == ["conv", "conv@2"]
    assert found["conv"]["T3"] == found["conv@2"]["T3"]
    assert found["conv"]["T3GD"] != found["conv@2"]["T3GD"]


def test_a_side_branch_has_zero_gradients() -> None:
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
            self.head = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            self.norm(self.conv(torch.relu(x)))
            return self.head(torch.relu(x).mean((2, 3)))

    numbers = read(Idle())["conv"]
    assert all((number == 0) is ("G" in name) for name, number in numbers.items())


def test_relu6_counts() -> None:
    layers = [nn.ReLU6(), nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Tanh(), nn.Conv2d(3, 3, 1),
              nn.BatchNorm2d(3), nn.Hardtanh(), nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)]  # fmt: skip
    net = nn.Sequential(*layers, nn.ReLU(), nn.Flatten(), nn.Linear(108, 2))
    assert list(read(net)) == ["1"]


def test_what_cannot_be_read_is_told() -> None:
    with pytest.raises(NoReadableLayers, match="no rectifier, convolution and batch normalisation"):
        read(nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.Flatten(), nn.Linear(108, 2)))
    with pytest.raises(Unscorable, match="integer input"):
        read(nn.Identity(), input_shape=(), inputs=torch.ones(2, 4, dtype=torch.int64))
    with pytest.raises(InputShapeMismatch):
        read(network(), input_shape=(5, 6, 6))

    class Loose(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network()

        def forward(self, x: Tensor) -> Tensor:
            self.inner(x)
            return torch.ones(len(x), 2)

    with pytest.raises(Degenerate, match="does not depend on the input"):
        read(Loose())


def test_a_forward_that_writes_over_what_the_sweep_needs_is_read_again() -> None:
    class Overwriting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
            self.head = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            entering = torch.relu(x)
            x = self.norm(self.conv(entering))
            entering.mul_(2.0)
            return self.head((torch.relu(x) + entering).mean((2, 3)))

    wanted = {"it": (relu_conv_bn, SUMS)}
    with torch.random.fork_rng():
        data = torch.randn(4, *SHAPE)
    excitation = Excitation(inputs=data)
    outcome = readings(Overwriting(), excitation, wanted, seed=0)["it"]
    assert not isinstance(outcome, Exception), outcome
    numbers = {m.name: float(c[0][1]) for m, c in zip(SUMS, outcome.statistics, strict=True)}
    assert numbers["T2D"] == pytest.approx(float(weighted(data.relu())), rel=1e-5)
    assert np.isfinite([*numbers.values()]).all()


class Written(nn.Module):
    """The same layers with rectifiers that write in place, or with a change between two layers."""

    def __init__(self, rectifier: Any, between: Any = None) -> None:
        super().__init__()
        self.rectifier, self.between = rectifier, between
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
            self.head = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(self.rectifier(x * 1.0))
        if self.between is not None:
            self.between(y)
        return self.head(torch.relu(self.norm(y)).mean((2, 3)))


def test_rectifiers_that_write_in_place_count_too() -> None:
    wanted = read(Written(F.relu))
    for rectifier in (torch.relu_, Tensor.relu_, lambda x: F.relu(x, True), nn.ReLU(True)):
        assert read(Written(rectifier)) == wanted


def test_what_is_written_into_between_is_no_row() -> None:
    assert list(read(Written(F.relu, lambda y: None))) == ["conv"]
    for rectifier, between in (
        (F.relu, lambda y: y.add_(1.0)),
        (lambda x: F.relu(x).add_(1.0), None),
    ):
        with pytest.raises(NoReadableLayers):
            read(Written(rectifier, between))
