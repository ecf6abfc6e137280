"""Three data sets with a builder function each, small enough to train a whole space on a CPU.

Nothing here is of zc_plugins: builders and training as a user would write them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

Pair = tuple[Tensor, Tensor]
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "none": nn.Identity,
}


@dataclass(frozen=True)
class Data:
    """Standardised inputs and labels in three parts; no search reads the test part."""

    train: Pair
    validation: Pair
    test: Pair


@dataclass(frozen=True)
class Problem:
    """A data set, a space of networks, and how long a network is trained.

    Attributes:
        data: from the folder of the image file.
        input_shape: of one sample.
        build_model: a trial in, a network out.
        epochs: of a training.
    """

    data: Callable[[Path], Data]
    input_shape: tuple[int, ...]
    build_model: Callable[[Any], nn.Module]
    epochs: int


@dataclass(frozen=True)
class Trained:
    """What a training came to: accuracies in percent, CPU seconds of the process."""

    validation: float
    test: float
    seconds: float


class Residual(nn.Module):
    """The input is added to the output."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.layer(x)
        return out


def digits_network(trial: Any) -> nn.Module:
    """144 convolutional networks for grey images of 8 x 8."""
    pool = trial.suggest_categorical("pool", ["none", "max"])
    return _convolutional(trial, 1, pool)


def cifar_network(trial: Any) -> nn.Module:
    """144 convolutional networks for colour images of 16 x 16."""
    pool = trial.suggest_categorical("pool", ["max", "stride"])
    return _convolutional(trial, 3, pool)


def _convolutional(trial: Any, channels: int, pool: str) -> nn.Module:
    """Equal layers, with one pooling behind the first of them."""
    depth = trial.suggest_int("depth", 1, 3)
    width = trial.suggest_categorical("width", [4, 8, 16])
    kernel = trial.suggest_categorical("kernel", [1, 3])
    norm = trial.suggest_categorical("norm", ["batch", "none"])
    skip = trial.suggest_categorical("skip", [False, True])
    layers: list[nn.Module] = []
    for place in range(depth):
        stride = 2 if pool == "stride" and place == 0 else 1
        layer = nn.Sequential(
            nn.Conv2d(channels, width, kernel, stride, kernel // 2),
            nn.BatchNorm2d(width) if norm == "batch" else nn.Identity(),
            nn.ReLU(),
        )
        layers.append(Residual(layer) if skip and place > 0 else layer)
        if place == 0 and pool == "max":
            layers.append(nn.MaxPool2d(2))
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def segments_network(trial: Any) -> nn.Module:
    """144 perceptrons for 18 features; without an activation they are linear."""
    depth = trial.suggest_int("depth", 1, 3)
    width = trial.suggest_categorical("width", [2, 8, 32, 128])
    activation = trial.suggest_categorical("activation", list(ACTIVATIONS))
    norm = trial.suggest_categorical("norm", ["batch", "none"])
    skip = trial.suggest_categorical("skip", [False, True])
    layers: list[nn.Module] = []
    features = 18
    for _ in range(depth):
        layer = nn.Sequential(
            nn.Linear(features, width),
            nn.BatchNorm1d(width) if norm == "batch" else nn.Identity(),
            ACTIVATIONS[activation](),
        )
        layers.append(Residual(layer) if skip and width == features else layer)
        features = width
    return nn.Sequential(*layers, nn.Linear(features, 7))


def digits(_: Path) -> Data:
    """The handwritten digits of scikit-learn: 1,077 / 360 / 360 images of 8 x 8."""
    images, labels = load_digits(return_X_y=True)
    return _split(images.reshape(-1, 1, 8, 8).astype(np.float32), labels, (0, 2, 3))


def cifar(folder: Path) -> Data:
    """CIFAR-10's subset at half resolution: 700 / 300 / 1,000 images of 16 x 16."""
    with np.load(folder / "cifar10_subset_jpeg75.npz") as file:
        first, y, second, y_test = (
            torch.from_numpy(file[name]) for name in ("x_train", "y_train", "x_test", "y_test")
        )
    x, x_test = (avg_pool2d(i.permute(0, 3, 1, 2).float() / 255, 2) for i in (first, second))
    mean, deviation = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)
    x, x_test = (x - mean) / deviation, (x_test - mean) / deviation
    train, held = _rows(y.numpy(), 0.3)
    return Data((x[train], y[train].long()), (x[held], y[held].long()), (x_test, y_test.long()))


def segments(_: Path) -> Data:
    """UCI's image segments, which river ships: 1,386 / 462 / 462 rows of 18 numbers, 7 classes."""
    from river.datasets import ImageSegments

    rows = list(ImageSegments())  # type: ignore[no-untyped-call]
    features = np.array([list(x.values()) for x, _ in rows], dtype=np.float32)
    return _split(features, np.unique([y for _, y in rows], return_inverse=True)[1], (0,))


PROBLEMS = {
    "digits": Problem(digits, (1, 8, 8), digits_network, 6),
    "cifar10": Problem(cifar, (3, 16, 16), cifar_network, 6),
    "segments": Problem(segments, (18,), segments_network, 5),
}


def _split(x: Any, y: Any, axes: tuple[int, ...]) -> Data:
    """Three fifths, one, and one; standardised by the first."""
    rest, test = _rows(y, 0.2)
    train, held = (rest[rows] for rows in _rows(y[rest], 0.25))
    mean, deviation = x[train].mean(axes, keepdims=True), x[train].std(axes, keepdims=True)
    # One feature of the segments hardly varies.
    inputs = torch.from_numpy((x - mean) / np.maximum(deviation, 1e-3))
    labels = torch.from_numpy(np.asarray(y)).long()
    first, second, third = ((inputs[rows], labels[rows]) for rows in (train, held, test))
    return Data(first, second, third)


def _rows(labels: Any, share: float) -> tuple[Any, Any]:
    """Rows that stay and rows that are held out, each label's share alike."""
    places = np.arange(len(labels))
    kept, held = train_test_split(places, test_size=share, stratify=labels, random_state=0)
    return kept, held


def trained(build: Callable[[], nn.Module], data: Data, epochs: int, seed: int = 0) -> Trained:
    """Build and train with AdamW (0.005), a cosine schedule and batches of 64 shuffled samples.

    Args:
        build: makes the network; its weights are drawn from the seed.
        data: all parts.
        epochs: over the training part.
        seed: of weights and shuffles.
    """
    start = time.process_time()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build()
    optimizer = torch.optim.AdamW(model.parameters(), 0.005)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    x, y = data.train
    shuffle = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for rows in _batches(len(y), shuffle):
            optimizer.zero_grad()
            torch.autograd.backward(cross_entropy(model(x[rows]), y[rows]))
            optimizer.step()
        schedule.step()
    found = accuracy(model, data.validation), accuracy(model, data.test)
    return Trained(*found, time.process_time() - start)


def _batches(count: int, shuffle: torch.Generator) -> Iterator[Tensor]:
    # A batch of one sample would have no batch statistics.
    yield from (b for b in torch.split(torch.randperm(count, generator=shuffle), 64) if len(b) > 1)


def accuracy(model: nn.Module, pair: Pair) -> float:
    """Percent of the samples whose label the network finds."""
    model.eval()
    with torch.inference_mode():
        found = model(pair[0]).argmax(1)
    return 100 * float((found == pair[1]).float().mean())
