"""The images, the networks and the training of optuna_images.py: nothing here is of zc_plugins."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

Pair = tuple[NDArray[Any], NDArray[Any]]
TensorPair = tuple[Tensor, Tensor]

WANTED = (
    "x_train, y_train, x_test, y_test; or images, labels, of which a fifth is held out for the test"
)
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
}
NORMALISATIONS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "group": lambda channels: nn.GroupNorm(4, channels),
    "none": lambda channels: nn.Identity(),
}


@dataclass(frozen=True)
class Images:
    """Labelled images in three parts: standardised images (batch, channels, height, width), labels.

    Attributes:
        name: of the data set.
        train: for the training.
        validation: a fifth of what was given for the training; the study reads its accuracy.
        test: no study reads it.
        classes: number of labels.
    """

    name: str
    train: TensorPair
    validation: TensorPair
    test: TensorPair
    classes: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image: (channels, height, width)."""
        return tuple(self.train[0].shape[1:])


@dataclass(frozen=True)
class Trained:
    """What a training came to: accuracies in [0, 1], and what was spent on it."""

    validation_accuracy: float
    test_accuracy: float
    epochs: int
    seconds: float


def load(file: Path | None, *, seed: int = 0) -> Images:
    """The handwritten digits of scikit-learn (1,797 of 8 x 8), or the images of an ``.npz`` file.

    Args:
        file: holds the keys in ``WANTED``; images in any of the layouts NHW, NHWC and NCHW, labels
            of any type.
        seed: of the splits.

    Raises:
        ValueError: if the file is none of this; the message tells what is wanted.
    """
    if file is None:
        digits = load_digits()
        given, test = _split((_nchw(digits.images), digits.target), seed)
    else:
        given, test = _read(file, seed)
    train, validation = _split(given, seed)
    labels, pixels = np.unique(train[1]), train[0]
    mean, deviation = pixels.mean((0, 2, 3), keepdims=True), pixels.std((0, 2, 3), keepdims=True)

    def tensors(pair: Pair) -> TensorPair:
        unknown = np.setdiff1d(pair[1], labels)
        if len(unknown):
            raise ValueError(f"no training image has the labels {unknown}, other images have")
        x = ((pair[0] - mean) / (deviation + 1e-6)).astype(np.float32)
        return torch.from_numpy(x), torch.from_numpy(np.searchsorted(labels, pair[1]))

    name = "handwritten digits" if file is None else file.stem
    return Images(name, tensors(train), tensors(validation), tensors(test), len(labels))


def in_colour(images: Images) -> Images:
    """Grey images with their channel three times, for networks that read colours."""

    def coloured(pair: TensorPair) -> TensorPair:
        return pair[0].expand(-1, 3, -1, -1), pair[1]

    return replace(
        images,
        train=coloured(images.train),
        validation=coloured(images.validation),
        test=coloured(images.test),
    )


def _read(file: Path, seed: int) -> tuple[Pair, Pair]:
    with np.load(file, allow_pickle=False) as arrays:
        keys = set(arrays.files)
        if {"x_train", "y_train", "x_test", "y_test"} <= keys:
            return (
                _checked(file, arrays["x_train"], arrays["y_train"]),
                _checked(file, arrays["x_test"], arrays["y_test"]),
            )
        if {"images", "labels"} <= keys:
            return _split(_checked(file, arrays["images"], arrays["labels"]), seed)
    raise ValueError(f"{file} holds the keys {', '.join(sorted(keys))}. Wanted: {WANTED}")


def _checked(file: Path, images: NDArray[Any], labels: NDArray[Any]) -> Pair:
    if labels.shape != (len(images),):
        raise ValueError(
            f"{file}: labels of shape {labels.shape} for {len(images)} images. Wanted: one an image"
        )
    return _nchw(images), labels


def _nchw(images: NDArray[Any]) -> NDArray[Any]:
    if images.ndim == 3:
        return images[:, np.newaxis]
    if images.ndim == 4 and images.shape[-1] in (1, 3, 4):
        return np.moveaxis(images, -1, 1)
    if images.ndim == 4 and images.shape[1] in (1, 3, 4):
        return images
    raise ValueError(
        f"images of shape {images.shape}. Wanted: (images, height, width), with 1, 3 or 4 channels "
        "as the second or the last axis if they have any"
    )


def _split(pair: Pair, seed: int) -> tuple[Pair, Pair]:
    """Four fifths and one fifth, at random."""
    order = np.random.default_rng(seed).permutation(len(pair[1]))
    cut = len(order) - len(order) // 5
    return (pair[0][order[:cut]], pair[1][order[:cut]]), (
        pair[0][order[cut:]],
        pair[1][order[cut:]],
    )


def convnet(trial: optuna.Trial, channels: int, classes: int) -> nn.Module:
    """One to three stages, each with its own width, kernel, depth and perhaps skip connections."""
    activation = ACTIVATIONS[trial.suggest_categorical("activation", list(ACTIVATIONS))]
    normalise = NORMALISATIONS[trial.suggest_categorical("normalisation", list(NORMALISATIONS))]
    layers: list[nn.Module] = []
    for stage in range(trial.suggest_int("stages", 1, 3)):
        width = trial.suggest_categorical(f"width_{stage}", [8, 16, 32, 64])
        kernel = trial.suggest_categorical(f"kernel_{stage}", [1, 3, 5])
        depth = trial.suggest_int(f"depth_{stage}", 1, 4)
        skip = depth > 1 and trial.suggest_categorical(f"skip_{stage}", [False, True])
        for block in range(depth):
            stride = 2 if stage > 0 and block == 0 else 1
            layer = nn.Sequential(
                nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2),
                normalise(width),
                activation(),
            )
            layers.append(Residual(layer) if skip and block > 0 else layer)
            channels = width
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)
    )


class Residual(nn.Module):
    """The input is added to the output."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.layer(x)
        return out


def train(
    model: nn.Module,
    images: Images,
    learning_rate: float,
    *,
    epochs: int,
    seed: int,
    after_epoch: Callable[[], object],
) -> Trained:
    """Train with AdamW, a cosine schedule and batches of 64 images, shuffled by the seed."""
    start = time.perf_counter()
    x, y = images.train
    shuffle = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    model.train()
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(y), generator=shuffle), 64):
            optimizer.zero_grad()
            torch.autograd.backward(cross_entropy(model(x[rows]), y[rows]))
            optimizer.step()
        schedule.step()
        after_epoch()
        model.train()
    found = accuracy(model, images.validation), accuracy(model, images.test)
    return Trained(*found, epochs, time.perf_counter() - start)


def accuracy(model: nn.Module, pair: TensorPair) -> float:
    """Share of the images whose label the network finds."""
    model.eval()
    with torch.inference_mode():
        found = torch.cat([model(x).argmax(1) for x in torch.split(pair[0], 256)])
    return float((found == pair[1]).float().mean())
