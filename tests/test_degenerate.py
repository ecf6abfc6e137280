"""Broken networks never raise, say why they have no score, and rank below every live one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests import zoo
from zc_plugins import Excitation, Scorer
from zc_plugins.ensembles import SHELF as ENSEMBLES
from zc_plugins.recipes import az_nas
from zc_plugins.spaces.nasbench201 import NasBench201

SHAPE = (3, 16, 16)
PROXIES = ("expressivity", "progressivity", "trainability", "complexity")


class Applied(nn.Module):
    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


def big(*middle: nn.Module, end: nn.Module | None = None) -> nn.Module:
    """Far more multiply-adds than any of the live networks has."""
    return nn.Sequential(
        zoo.conv_bn_relu(3, 48),
        zoo.conv_bn_relu(48, 48),
        *middle,
        zoo.conv_bn_relu(48, 64),
        zoo.Head(64),
        *([end] if end else []),
    )


def fails(x: Tensor) -> Tensor:
    raise ArithmeticError("no such luck")


class DeadRelu(nn.Module):
    """Before normalisation, so that nothing brings it back."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x - 1e9)


def with_nan(network: nn.Module, name: str) -> nn.Module:
    network.get_parameter(name).data.fill_(torch.nan)
    return network


BROKEN: dict[str, tuple[Any, str]] = {
    "dead relu": (lambda: big(DeadRelu()), "constant|no gradient"),
    "multiplied by zero": (lambda: big(Applied(lambda x: x.mul(0))), "constant|no gradient"),
    "cut in the middle": (lambda: big(Applied(torch.zeros_like)), "disconnected"),
    "output times zero": (lambda: big(end=Applied(lambda x: x * 0)), "same for all samples"),
    "output of zeros": (
        lambda: big(end=Applied(lambda x: torch.zeros(len(x), 10))),
        "disconnected",
    ),
    "constant output": (
        lambda: big(end=Applied(lambda x: x.new_ones(len(x), 10))),
        "disconnected",
    ),
    "constant and connected": (
        lambda: big(end=Applied(lambda x: x.clamp(1e8, 1e9))),
        "same for all samples",
    ),
    "forward raises": (lambda: big(Applied(fails)), "ArithmeticError: no such luck"),
    "builder raises": (lambda: 1 / 0, "ZeroDivisionError"),
    "builder returns nothing": (lambda: None, "NotAModule: build_model returned NoneType"),
    "builder returns a number": (lambda: 3, "NotAModule: build_model returned int"),
    "no readable layers": (nn.Identity, "no Conv1d, Conv2d, Conv3d or Linear"),
    "activation only": (nn.ReLU, "no Conv1d, Conv2d, Conv3d or Linear"),
    "other input": (lambda: zoo.conv_bn_relu(5, 64), "InputShapeMismatch: input_shape="),
    "lazy": (nn.Sequential(nn.LazyConv2d(64, 3), nn.ReLU()), "run it once"),
    "no block boundary": (
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(768, 4096)),
        "two blocks or more|two block boundaries",
    ),
}

KEPT: dict[str, tuple[Any, str]] = {
    "nan weight": (lambda: with_nan(big(), "1.0.weight"), "not finite"),
    "nan in the head": (lambda: with_nan(big(), "3.linear.weight"), "output is NaN"),
    "overflow": (lambda: big(Applied(lambda x: x * 1e38 * 1e38)), "not finite"),
    "dead relu": (lambda: big(DeadRelu()), "constant|no gradient"),
}

LIVE = [
    lambda: nn.Sequential(zoo.conv_bn_relu(3, 4, 2), zoo.conv_bn_relu(4, 4, 2), zoo.Head(4)),
    zoo.plain_cnn,
    zoo.mobilenet,
]


def scored(pool: list[Any], **settings: Any) -> Any:
    return az_nas(SHAPE, batch_size=4, device="cpu", **settings).score(pool)


@pytest.mark.parametrize("name", BROKEN)
def test_noted(name: str) -> None:
    build, reason = BROKEN[name]
    table = scored([build])
    assert not table.scored[0]
    assert any(np.isnan(table.column(p)[0]) for p in PROXIES[:3])
    for proxy, value in zip(table.proxies, table.values[0], strict=True):
        assert np.isnan(value) == (proxy in table.notes[0])
    assert re.search(reason, " ".join(table.notes[0].values()))


@pytest.mark.parametrize("name", KEPT)
def test_noted_with_kept_weights(name: str) -> None:
    build, reason = KEPT[name]
    table = scored([build], initialisation="keep")
    assert not table.scored[0]
    assert re.search(reason, " ".join(table.notes[0].values()))


@pytest.fixture(scope="module", params=["kaiming_normal", "keep"])
def mixed(request: pytest.FixtureRequest) -> Any:
    """The table of the live networks, and after them the broken ones."""
    broken = BROKEN if request.param == "kaiming_normal" else KEPT
    pool = [*LIVE, *(build for build, _ in broken.values())]
    return scored(pool, initialisation=request.param)


# readable_rank goes by shares of the population, and here most networks are broken.
@pytest.mark.parametrize("ensemble", [name for name in ENSEMBLES if name != "readable_rank"])
def test_broken_networks_rank_below_all_live_ones(ensemble: str, mixed: Any) -> None:
    table = mixed
    dead_flops = table.column("complexity")[len(LIVE) :]
    assert np.nanmax(dead_flops) > 3 * table.column("complexity")[: len(LIVE)].max()
    numbers = ENSEMBLES[ensemble](table)
    assert np.isfinite(numbers[: len(LIVE)]).all()
    assert numbers[: len(LIVE)].min() > numbers[len(LIVE) :].max()
    against = ENSEMBLES[ensemble](table, table)
    assert against[: len(LIVE)].min() > against[len(LIVE) :].max()


def test_disconnected_cells() -> None:
    space = NasBench201(channels=4, cells_per_stage=1)
    texts = [
        "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|none~0|none~1|none~2|",
        "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
        "|nor_conv_1x1~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|none~2|",
    ]
    scorer = az_nas(SHAPE, batch_size=6)
    table = scorer.score(map(space.decode, texts), space=space)
    assert table.scored.tolist() == [False, False, False, True]
    assert "constant" in table.notes[0]["expressivity"]
    assert "identity" in table.notes[2]["trainability"]
    assert scorer.aggregate(table).argmax() == 3


def test_what_ails_a_block_is_told_of_the_block() -> None:
    table = scored([lambda: big(DeadRelu())])
    assert table.notes[0]["expressivity"].endswith("features are constant (dead or disconnected)")
    layers = table.layers["expressivity"][0]
    assert np.isfinite(layers).tolist() == [True, False, False]
    # Progress is undefined only for the dead block; what comes after every block is told as such.
    table = scored([lambda: big(end=Applied(lambda x: x * 0))])
    assert np.isfinite(table.layers["expressivity"][0]).all()
    assert table.degenerate == (True,)


def test_a_head_that_starts_at_zero_is_no_fault_of_kept_weights() -> None:
    network = zoo.plain_cnn()
    nn.init.zeros_(network.get_parameter("3.linear.weight"))
    assert scored([network], initialisation="keep").scored[0]
    assert scored([network]).scored[0]


def test_weights_that_are_drawn_anew_hide_a_broken_network() -> None:
    """As documented: only what the fresh weights leave in place is seen."""
    network = with_nan(zoo.plain_cnn(), "0.0.weight")
    assert scored([network]).scored[0]
    assert not scored([network], initialisation="keep").scored[0]


def test_a_user_interrupt_is_no_broken_network() -> None:
    def interrupt() -> nn.Module:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Scorer(["params"], Excitation(SHAPE)).score([interrupt])
