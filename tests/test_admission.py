"""Architectures are held to a budget, each cost in the cheapest way there is."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import zoo
from zc_plugins import Budget
from zc_plugins._admission import Admission
from zc_plugins.spaces import Priced, SearchSpace
from zc_plugins.spaces.module import ModuleSpace
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.testing import check_space

COUNTS = ("params", "flops", "depth", "activation_memory")


class Widths:
    """A space of networks of one number; notes on which device each build put its weights."""

    name = "widths"

    def __init__(self, build: Callable[[int], Any] = lambda width: nn.Linear(4, width)) -> None:
        self._build, self.devices = build, list[str]()

    def sample(self, rng: np.random.Generator) -> int:
        return int(rng.integers(1, 99))

    def mutate(self, architecture: int, rng: np.random.Generator) -> int:
        return architecture % 98 + 1

    def build(self, architecture: int) -> nn.Module:
        self.devices.append(str(torch.empty(0).device))
        network: nn.Module = self._build(architecture)
        return network

    def suggest(self, trial: Any) -> int:
        return int(trial.suggest_int("width", 1, 98))

    def encode(self, architecture: int) -> str:
        return str(architecture)

    def decode(self, text: str) -> int:
        return int(text)

    def canonical(self, architecture: int) -> int:
        return architecture


class PricedWidths(Widths):
    asked = 0

    def params(self, architecture: int) -> int:
        self.asked += 1
        return 5 * architecture

    def flops(self, architecture: int, input_shape: tuple[int, ...]) -> int:
        self.asked += 1
        return int(np.prod(input_shape)) * architecture


def budget(**limits: Any) -> Budget:
    return Budget((4,), **limits)


def seconds(*answers: float) -> Callable[[nn.Module], float]:
    """A measure that answers in turn, and lists what it was asked of."""
    left, asked = list(answers), []

    def measure(model: nn.Module) -> float:
        asked.append(model)
        return left.pop(0)

    measure.asked = asked  # type: ignore[attr-defined]
    return measure


def test_a_space_may_be_priced() -> None:
    assert isinstance(PricedWidths(), Priced)
    assert isinstance(PricedWidths(), SearchSpace)
    assert not isinstance(Widths(), Priced)
    assert not isinstance(NasBench201(), Priced)
    assert not isinstance(ModuleSpace(nn.Linear), Priced)


def test_a_priced_space_builds_nothing() -> None:
    space = PricedWidths()
    admission = Admission(space, budget(params=50, flops=40))
    assert admission.verdict(10).costs == {"params": 50, "flops": 40}
    assert admission.verdict(10).admitted
    assert space.asked == 4
    over = admission.verdict(11)
    assert (over.admitted, over.costs, over.counted) == (False, {"params": 55}, True)
    assert over.reason == "over budget: params 55 over 50"
    assert space.asked == 5
    assert space.devices == []


def test_a_forward_of_ones_own_is_not_priced() -> None:
    space = PricedWidths()
    twice = budget(params=99, flops=99, forward=lambda model, x: model(x) + model(x))
    assert Admission(space, twice).verdict(10).costs == {"params": 50, "flops": 80}
    assert space.devices == ["meta"]


def test_counts_are_those_of_the_network() -> None:
    space = NasBench201(channels=4, cells_per_stage=1)
    limits = Budget((3, 16, 16), **dict.fromkeys(COUNTS, 1e9))  # type: ignore[arg-type]
    for seed in range(3):
        architecture = space.sample(np.random.default_rng(seed))
        verdict = Admission(space, limits).verdict(architecture)
        assert verdict.costs == limits.costs(space.build(architecture))
        assert (verdict.admitted, verdict.reason) == (True, "")


def test_no_weight_is_allocated() -> None:
    networks: list[nn.Module] = []

    def build(width: int) -> nn.Module:
        # 4 TB, were they real.
        networks.append(nn.Sequential(nn.Linear(4, 10**6), nn.Linear(10**6, 10**6)))
        return networks[-1]

    limits = budget(params=1e9, flops=1, depth=1, activation_memory=1, latency=1)
    assert Admission(Widths(build), limits).verdict(1).costs == {"params": 1e12 + 6e6}
    limits = budget(params=1e13, flops=1e13, depth=2, activation_memory=1)
    assert list(Admission(Widths(build), limits).verdict(1).costs) == list(COUNTS)
    assert len(networks) == 2
    assert all(p.is_meta for network in networks for p in network.parameters())


def test_latency_comes_last_and_once() -> None:
    space, measure = Widths(), seconds(0.5, 2.0)
    limits = budget(params=50, depth=1, latency=1, measure_latency=measure)
    admission = Admission(space, limits)
    assert admission.verdict(11).costs == {"params": 55}
    assert (space.devices, measure.asked) == (["meta"], [])
    fast, slow = admission.verdict(10), admission.verdict(9)
    assert (fast.admitted, slow.admitted) == (True, False)
    assert fast.costs == {"params": 50, "depth": 1, "latency": 0.5}
    assert slow.reason == "over budget: latency 2 over 1"
    assert space.devices == ["meta"] + 2 * ["meta", "cpu"]
    assert [m.weight.device.type for m in measure.asked] == ["cpu"] * 2


def test_latency_alone_builds_once() -> None:
    space = PricedWidths()
    limits = budget(params=50, latency=1, measure_latency=seconds(0.5))
    assert Admission(space, limits).verdict(10).admitted
    assert space.devices == ["cpu"]


def test_latency_is_measured_on_the_device() -> None:
    measure = seconds(0.5)
    limits = budget(latency=1, measure_latency=measure)
    # Every machine has this second device.
    Admission(Widths(), limits, torch.device("meta")).verdict(1)
    assert [m.weight.device.type for m in measure.asked] == ["meta"]


def test_the_batch_size_reaches_the_network() -> None:
    batches = []

    def forward(model: nn.Module, x: Tensor) -> Any:
        batches.append(len(x))
        return model(x)

    verdict = Admission(Widths(), budget(latency=60, batch_size=5, forward=forward)).verdict(3)
    assert verdict.admitted
    assert set(batches) == {5}


def test_what_fails_on_the_meta_device_is_built_for_real_once() -> None:
    def reads_values(width: int) -> nn.Module:
        return nn.Linear(4, width + int(torch.ones(1).item()))

    class ValueDependent(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(-x if x.sum() > 0 else x)

    class HalfThere(nn.Linear):
        def __init__(self, *sizes: int) -> None:
            super().__init__(*sizes)
            self.register_buffer("scale", torch.from_numpy(np.ones(1)))

    limits = budget(params=99, flops=99, depth=9, latency=1, measure_latency=lambda model: 0.5)
    for build, width in (
        (reads_values, 11),
        (lambda width: ValueDependent(4, width), 10),
        (lambda width: HalfThere(4, width), 10),
    ):
        space = Widths(build)
        wanted = {"params": 5 * width, "flops": 4 * width, "depth": 1, "latency": 0.5}
        assert Admission(space, limits).verdict(10).costs == wanted
        assert space.devices == ["meta", "cpu"]


def test_a_users_builder_runs_as_it_is() -> None:
    devices = []

    def build(trial: Any) -> nn.Module:
        devices.append(str(torch.empty(0).device))
        return nn.Linear(4, trial.suggest_int("width", 1, 98))

    space = ModuleSpace(build)
    architecture = space.sample(np.random.default_rng(0))
    devices.clear()
    limits = budget(params=500, flops=500, depth=1, activation_memory=99, latency=60)
    assert list(Admission(space, limits).verdict(architecture).costs) == list(limits.limited)
    assert devices == ["cpu"]


def failing(width: int) -> nn.Module:
    raise RuntimeError(f"no network of {width}")


@pytest.mark.parametrize(
    ("space", "limits", "reason"),
    [
        (Widths(failing), {"params": 9}, "RuntimeError: no network of 3"),
        (ModuleSpace(lambda trial: failing(3)), {"flops": 9}, "RuntimeError: no network of 3"),
        (Widths(lambda width: "a string"), {"params": 9}, "NotAModule: "),
        (Widths(lambda width: nn.Linear(5, width)), {"flops": 9}, "InputShapeMismatch: "),
        (
            Widths(),
            {"latency": 1, "measure_latency": lambda model: failing(4)},
            "RuntimeError: no network of 4",
        ),
    ],
)
def test_errors_are_verdicts(space: Any, limits: dict[str, Any], reason: str) -> None:
    architecture = space.decode("{}") if isinstance(space, ModuleSpace) else 3
    verdict = Admission(space, budget(**limits)).verdict(architecture)
    assert verdict.reason.startswith(reason)
    assert (verdict.admitted, verdict.counted, verdict.costs) == (False, False, {})


def test_a_price_that_raises_keeps_what_was_known() -> None:
    class Unpriced(PricedWidths):
        def flops(self, architecture: int, input_shape: tuple[int, ...]) -> int:
            raise ValueError("too small an image")

    verdict = Admission(Unpriced(), budget(params=99, flops=9)).verdict(3)
    assert (verdict.costs, verdict.counted) == ({"params": 15}, False)
    assert verdict.reason == "ValueError: too small an image"


def test_without_limits_all_are_admitted_unseen() -> None:
    space = Widths(failing)
    assert Admission(space, budget()).verdict(3).admitted
    assert space.devices == []


def test_random_state_is_kept_and_nothing_depends_on_it() -> None:
    drawn = []

    def measure(model: nn.Module) -> float:
        drawn.append((float(model.weight.detach().sum()), random.random(), np.random.random()))
        return float(torch.rand(()))

    limits = budget(params=99, flops=99, depth=2, activation_memory=99, latency=1)
    limits = Budget(**{**vars(limits), "measure_latency": measure})
    verdicts = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        before = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state())
        verdicts.append(Admission(Widths(), limits).verdict(3))
        Admission(Widths(failing), limits).verdict(3)
        after = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state())
        assert before[:2] == after[:2]
        assert torch.equal(before[2], after[2])
    assert verdicts[0] == verdicts[1]
    assert drawn[0] == drawn[1]


def test_under_inference_mode() -> None:
    limits = Budget((3, 16, 16), activation_memory=1e9, latency=60)
    with torch.inference_mode():
        verdict = Admission(Widths(lambda width: zoo.plain_cnn()), limits).verdict(1)
    assert (verdict.admitted, verdict.reason) == (True, "")


def test_prices_are_checked_by_the_suite() -> None:
    check_space(PricedWidths(), input_shape=(4,), samples=2)

    class Cheap(PricedWidths):
        def params(self, architecture: int) -> int:
            return 4 * architecture

    with pytest.raises(AssertionError, match="are told as"):
        check_space(Cheap(), input_shape=(4,), samples=1)
