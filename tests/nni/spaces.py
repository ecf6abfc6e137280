"""A model space with a choice within a choice, and evaluators; trial processes import them."""

from __future__ import annotations

import time
from typing import Any

import nni
import torch
from torch import Tensor, nn

import zc_plugins.nni as zc_nni  # first: it makes the next imports possible
from zc_plugins import recipes
from zc_plugins.scorer import Scorer

from nni.nas.nn.pytorch import (  # isort: skip
    LayerChoice,
    ModelSpace,
    MutableConv2d,
    MutableLinear,
    Repeat,
)

SHAPE = (3, 8, 8)


class Nested(ModelSpace):  # type: ignore[misc]
    """27 samples, 15 networks: the depth matters where "deep" is chosen."""

    def __init__(self, widths: tuple[int, ...] = (4, 8, 16)) -> None:
        super().__init__()
        width = nni.choice("width", list(widths))
        self.stem = MutableConv2d(3, width, 3, padding=1)
        self.middle = LayerChoice(
            {
                "conv": nn.Sequential(MutableConv2d(width, width, 3, padding=1), nn.ReLU()),
                "skip": nn.Identity(),
                "deep": Repeat(
                    lambda _: nn.Sequential(MutableConv2d(width, width, 1), nn.ReLU()),
                    (1, 3),
                    label="depth",
                ),
            },
            label="middle",
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = MutableLinear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        features = self.pool(self.middle(torch.relu(self.stem(x))))
        logits: Tensor = self.classifier(features.flatten(1))
        return logits


class Unbuildable(Nested):
    """No network of width 16 can be built."""

    def __init__(self) -> None:
        super().__init__()
        width = self.stem.out_channels
        if isinstance(width, int) and width == 16:
            raise ValueError("width 16 # does not fit // at all")


class Commented(ModelSpace):  # type: ignore[misc]
    """6 networks, with labels and choices that NNI's reader of JSON takes for comments."""

    def __init__(self) -> None:
        super().__init__()
        width = nni.choice("width # of channels", [4, 8, 16])
        self.stem = MutableConv2d(3, width, 3, padding=1)
        self.middle = LayerChoice(
            {"conv#3": MutableConv2d(width, width, 3, padding=1), "//skip": nn.Identity()},
            label='the "middle" # one',
        )
        self.classifier = MutableLinear(64 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.middle(self.stem(x)).flatten(1))
        return logits


def size() -> Scorer:
    """Exact, and quick."""
    return recipes.size(SHAPE)


def parameters(model: nn.Module) -> float:
    """What stands for an accuracy here."""
    return float(sum(p.numel() for p in model.parameters()))


def train(model: nn.Module) -> None:
    """Reports the number of parameters, and whose it is."""
    nni.report_final_result(zc_nni.echoed(parameters(model)))


def kill_or_train(model: nn.Module) -> None:
    """In the second trial, kills the manager of NNI that started it, and goes on."""
    import psutil

    if nni.get_sequence_id() == 1:
        manager = psutil.Process().parent()
        if "nni_node" not in manager.exe():
            raise RuntimeError(f"{manager} is not NNI's manager")
        manager.kill()
        time.sleep(600)
    train(model)


def sample_of_run() -> dict[str, Any]:
    """What NNI says is running."""
    sample: dict[str, Any] = nni.get_current_parameter().sample
    return sample
