"""Random networks of all kinds: scored without an exception, a number or NaN and the reason."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from zc_plugins import Excitation, Scorer
from zc_plugins._seeding import seeded
from zc_plugins.proxies import SHELF
from zc_plugins.testing.check_probe import _assert_same, _fingerprint

SLOW = {"grasp", "ntk_condition", "gradsign", "vkdnw"}
QUICK = [name for name in SHELF if name not in SLOW]
CLASSES = 3

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "relu in place": lambda: nn.ReLU(inplace=True),
    "relu6": nn.ReLU6,
    "leaky": lambda: nn.LeakyReLU(0.1),
    "gelu": nn.GELU,
    "silu": lambda: nn.SiLU(inplace=True),
    "tanh": nn.Tanh,
    "prelu": nn.PReLU,
    "none": nn.Identity,
    "F.relu": lambda: Applied(F.relu),
    "F.relu in place": lambda: Applied(lambda x: F.relu(x, inplace=True)),
    "relu_": lambda: Applied(lambda x: x.relu_()),
    "clamp": lambda: Applied(lambda x: x.clamp(min=0)),
    "F.hardswish": lambda: Applied(F.hardswish),
}
MISHAPS: dict[str, Callable[[Tensor], Tensor]] = {
    "times zero": lambda x: x * 0,
    "constant": torch.ones_like,
    "cut": lambda x: x.detach(),
    "huge": lambda x: x * 1e30,
    "small": lambda x: x * 1e-30,
    "not a number": lambda x: x / 0 * 0,
    "in place": lambda x: x.mul_(0.5),
    "identity": lambda x: x,
}


class Applied(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Residual(nn.Module):
    """``x + body(x)`` where the shapes allow it; the sum may be written in place."""

    def __init__(self, body: nn.Module, *, in_place: bool = False) -> None:
        super().__init__()
        self.body, self.in_place = body, in_place

    def forward(self, x: Tensor) -> Tensor:
        out = self.body(x)
        if out.shape != x.shape:
            return out
        if self.in_place:
            out += x
            return out
        return x + out


class Branches(nn.Module):
    """The sum or the concatenation of parallel paths."""

    def __init__(self, paths: list[nn.Module], *, joined: bool) -> None:
        super().__init__()
        self.paths, self.joined = nn.ModuleList(paths), joined

    def forward(self, x: Tensor) -> Tensor:
        outputs = [path(x) for path in self.paths]
        return torch.cat(outputs, 1) if self.joined else torch.stack(outputs).sum(0)


class Classifier(nn.Module):
    """Averages all positions; gives logits, or a dictionary of them."""

    def __init__(self, channels: int, *, axis: int = 1, named: bool = False) -> None:
        super().__init__()
        self.linear, self.axis, self.named = nn.Linear(channels, CLASSES), axis, named

    def forward(self, x: Tensor) -> Any:
        rest = [d for d in range(1, x.dim()) if d != self.axis % x.dim()]
        logits = self.linear(x.mean(rest) if rest else x)
        return {"logits": logits} if self.named else logits


class Recurrent(nn.Module):
    def __init__(self, kind: str, inputs: int, width: int, layers: int, both: bool) -> None:
        super().__init__()
        make = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[kind]
        self.recurrent = make(inputs, width, layers, batch_first=True, bidirectional=both)

    def forward(self, x: Tensor) -> Tensor:
        return self.recurrent(x)[0]


class Tokens(nn.Module):
    """Patches as a sequence."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, width, patch, patch)
        self.first = nn.Parameter(torch.zeros(1, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        return torch.cat([self.first.expand(len(x), -1, -1), x], 1)


class Encoder(nn.Module):
    """Attention by torch's module, batch or tokens first, then two linear layers."""

    def __init__(self, width: int, activation: nn.Module, *, tokens_first: bool) -> None:
        super().__init__()
        self.tokens_first = tokens_first
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=not tokens_first)
        self.mlp = nn.Sequential(nn.Linear(width, 8), activation, nn.Linear(8, width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        y = y.transpose(0, 1) if self.tokens_first else y
        y = self.attention(y, y, y, need_weights=False)[0]
        x = x + (y.transpose(0, 1) if self.tokens_first else y)
        return x + self.mlp(self.norm2(x))


activations = st.sampled_from(sorted(ACTIVATIONS)).map(lambda name: ACTIVATIONS[name]())
mishaps = st.one_of(
    st.none(), st.none(), st.none(), st.sampled_from(sorted(MISHAPS)).map(MISHAPS.__getitem__)
)


@st.composite
def norm(draw: st.DrawFn, channels: int, dimensions: int) -> nn.Module:
    kind = draw(st.sampled_from(["batch", "batch", "group", "instance", "none"]))
    if kind == "batch":
        return (nn.BatchNorm1d, nn.BatchNorm2d)[dimensions - 1](channels)
    if kind == "instance" and dimensions == 2:
        return nn.InstanceNorm2d(channels, affine=True)
    return nn.GroupNorm(1, channels) if kind == "group" else nn.Identity()


@st.composite
def convolution(draw: st.DrawFn, inputs: int, outputs: int, dimensions: int) -> nn.Module:
    """Kernel, stride, norm, activation, dropout; before or after each other."""
    kernel, stride = draw(st.sampled_from([1, 3, 5])), draw(st.sampled_from([1, 1, 2]))
    make = (nn.Conv1d, nn.Conv2d)[dimensions - 1]
    conv = make(inputs, outputs, kernel, stride, kernel // 2, bias=draw(st.booleans()))
    parts = [conv, draw(norm(outputs, dimensions)), draw(activations)]
    if draw(st.integers(0, 4)) == 0:
        parts.append(nn.Dropout(0.3))
    return nn.Sequential(*parts)


@st.composite
def block(draw: st.DrawFn, inputs: int, outputs: int, dimensions: int) -> nn.Module:
    kind = draw(st.sampled_from(["plain", "residual", "inverted", "branches", "joined"]))
    one = draw(convolution(inputs, outputs, dimensions))
    if kind == "residual":
        two = draw(convolution(outputs, outputs, dimensions))
        return nn.Sequential(one, Residual(two, in_place=draw(st.booleans())))
    if kind == "inverted" and dimensions == 2:
        hidden, stride = 2 * inputs, draw(st.sampled_from([1, 2]))
        deep = nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False)
        layers = [nn.Conv2d(inputs, hidden, 1, bias=False), nn.BatchNorm2d(hidden)]
        layers += [draw(activations), deep, nn.BatchNorm2d(hidden), draw(activations)]
        layers += [nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        return Residual(nn.Sequential(*layers))
    if kind in ("branches", "joined"):
        make = (nn.Conv1d, nn.Conv2d)[dimensions - 1]
        paths = [make(inputs, outputs // 2 if kind == "joined" else outputs, 1) for _ in range(2)]
        if draw(st.booleans()):
            paths[1] = nn.Sequential(paths[1], Applied(lambda x: x * 0))
        return Branches(list(paths), joined=kind == "joined")
    return one


@st.composite
def convolutional(draw: st.DrawFn, dimensions: int) -> tuple[nn.Module, tuple[int, ...]]:
    channels, parts = 3, []
    for _ in range(draw(st.integers(1, 2))):
        width = draw(st.sampled_from([2, 4, 6]))
        parts.append(draw(block(channels, width, dimensions)))
        channels = width
        mishap = draw(mishaps)
        if mishap is not None:
            parts.append(Applied(mishap))
    if draw(st.booleans()):
        parts.append((nn.AdaptiveAvgPool1d(2), nn.AdaptiveMaxPool2d(2))[dimensions - 1])
    shape = (3, *[draw(st.integers(8, 12)) for _ in range(dimensions)])
    return nn.Sequential(*parts, Classifier(channels, named=draw(st.booleans()))), shape


@st.composite
def perceptron(draw: st.DrawFn) -> tuple[nn.Module, tuple[int, ...]]:
    widths = [6, *draw(st.lists(st.integers(1, 12), min_size=0, max_size=4))]
    parts: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        parts += [nn.Linear(inputs, outputs), draw(norm(outputs, 1)), draw(activations)]
        mishap = draw(mishaps)
        parts += [Applied(mishap)] if mishap is not None else []
    outputs = draw(st.sampled_from([1, CLASSES]))
    return nn.Sequential(*parts, nn.Linear(widths[-1], outputs)), (6,)


@st.composite
def recurrent(draw: st.DrawFn) -> tuple[nn.Module, tuple[int, ...]]:
    both, width = draw(st.booleans()), draw(st.integers(2, 6))
    kind, layers = draw(st.sampled_from(["lstm", "gru", "rnn"])), draw(st.integers(1, 2))
    embed: list[nn.Module] = [nn.Linear(5, 5), draw(activations)] if draw(st.booleans()) else []
    outputs = 2 * width if both else width
    middle = Recurrent(kind, 5, width, layers, both)
    after = [nn.Linear(outputs, outputs), draw(activations)] if draw(st.booleans()) else []
    return nn.Sequential(*embed, middle, *after, Classifier(outputs, axis=-1)), (7, 5)


@st.composite
def transformer(draw: st.DrawFn) -> tuple[nn.Module, tuple[int, ...]]:
    width, patch = draw(st.sampled_from([4, 8])), draw(st.sampled_from([2, 4]))
    blocks: list[nn.Module] = []
    for _ in range(draw(st.integers(1, 2))):
        kind = draw(st.sampled_from(["ours", "tokens first", "torch"]))
        if kind == "torch":
            first = draw(st.booleans())
            blocks.append(
                nn.TransformerEncoderLayer(width, 2, 8, norm_first=first, batch_first=True)
            )
        else:
            blocks.append(Encoder(width, draw(activations), tokens_first=kind != "ours"))
    mishap = draw(mishaps)
    blocks += [Applied(mishap)] if mishap is not None else []
    return nn.Sequential(Tokens(width, patch), *blocks, Classifier(width, axis=-1)), (3, 8, 8)


def scored(
    network: nn.Module, shape: tuple[int, ...], proxies: list[str], keep: bool, scale: float
) -> None:
    """Score, and look at the numbers and at what is left behind."""
    for parameter in network.parameters():
        parameter.data.mul_(scale)
    excitation = Excitation(
        shape, batch_size=4, initialisation="keep" if keep else "kaiming_normal"
    )
    before = _fingerprint(network)
    table = Scorer(proxies, excitation, device="cpu").score([network])
    _assert_same(before, _fingerprint(network), "a pass")
    for proxy, value in zip(table.proxies, table.values[0], strict=True):
        note = table.notes[0].get(proxy, "")
        assert np.isfinite(value) != bool(note), (proxy, value, note, network)
        assert np.isfinite(value) or np.isnan(value), (proxy, value)
        # What is no fault of the network, nor ours to read, is a bug of ours.
        assert not note.startswith(BUGS), (proxy, note, network)


BUGS = ("RuntimeError", "TypeError", "ValueError", "KeyError", "IndexError", "AttributeError",
        "LinAlgError", "ZeroDivisionError", "InputShape", "UserWarning")  # fmt: skip

scales = st.sampled_from([1.0, 1.0, 1.0, 1e-8, 1e-3, 30.0, 1e6])
quietly = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def drawn(strategy: Any, examples: int, proxies: list[str]) -> Any:
    """A test that scores networks of a strategy, built under a seed of their own."""

    @settings(quietly, max_examples=examples)
    @given(st.data(), st.integers(0, 99), st.booleans(), scales)
    def test(data: Any, seed: int, keep: bool, scale: float) -> None:
        with seeded(seed):
            network, shape = data.draw(strategy)
        scored(network, shape, proxies, keep, scale)

    return test


test_images = drawn(convolutional(2), 70, QUICK)
test_images_on_the_whole_shelf = drawn(convolutional(2), 25, list(SHELF))
test_signals = drawn(convolutional(1), 40, QUICK)
test_vectors = drawn(perceptron(), 60, QUICK)
test_vectors_on_the_whole_shelf = drawn(perceptron(), 20, list(SHELF))
test_sequences = drawn(recurrent(), 30, QUICK)
test_sequences_on_the_whole_shelf = drawn(recurrent(), 10, list(SHELF))
test_transformers = drawn(transformer(), 30, QUICK)
test_transformers_on_the_whole_shelf = drawn(transformer(), 15, list(SHELF))
