"""Small builders of the kind that users write."""

from __future__ import annotations

from typing import Any

from torch import nn

from zc_plugins import recipes
from zc_plugins.scorer import Scorer

SHAPE = (3, 8, 8)


def build_cnn(trial: Any) -> nn.Module:
    """Conditional: the width of each layer exists only if the layer does."""
    depth = trial.suggest_int("depth", 1, 3)
    layers: list[nn.Module] = []
    channels = 3
    for layer in range(depth):
        width = trial.suggest_categorical(f"width_{layer}", [4, 8, 16])
        kernel = trial.suggest_categorical(f"kernel_{layer}", [1, 3])
        layers += [nn.Conv2d(channels, width, kernel, padding=kernel // 2), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def build_mlp(trial: Any) -> nn.Module:
    """Cheap to score: one choice."""
    return nn.Linear(4, trial.suggest_int("width", 1, 64))


def size_scorer(shape: tuple[int, ...] = (4,)) -> Scorer:
    """Parameters and multiply-adds: exact, and quick enough for hundreds of trials."""
    return recipes.size(shape)


def build_without_last_activation(trial: Any) -> nn.Module:
    """jacov is undefined here: behind the last normalisation the summed output is constant."""
    width = trial.suggest_categorical("width", [4, 6, 8, 10, 12, 16])
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 4),
    )  # fmt: skip
