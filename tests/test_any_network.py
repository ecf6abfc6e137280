"""The whole shelf on whatever users bring: a number, or NaN and the reason; nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests import zoo
from zc_plugins import Excitation, Scorer
from zc_plugins.proxies import SHELF
from zc_plugins.scores import ScoreTable
from zc_plugins.testing.check_probe import _assert_same, _fingerprint

IMAGE = (3, 12, 12)
NO_POSITIONS = {"meco", "meco_authors"}
"""Need feature maps of more positions than channels."""
NO_BLOCKS = {"expressivity", "progressivity", "trainability"}
ONE_BLOCK = {"progressivity", "trainability"}
"""Compare two blocks."""
NO_RECTIFIER = {"dead_units", "linear_regions", "naswot", "swap"}
DENSE = {"epe_nas", "vkdnw"}
"""Need one class a sample."""


class Gated(nn.Module):
    """A recurrent classifier without any rectifier or convolution."""

    def __init__(self, kind: type[nn.RNNBase], *, layers: int = 1, both: bool = False) -> None:
        super().__init__()
        self.recurrent = kind(5, 8, layers, batch_first=True, bidirectional=both)
        self.head = nn.Linear(16 if both else 8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.recurrent(x)[0][:, -1])


class Cells(nn.Module):
    """A loop over time steps written by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.GRUCell(5, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(len(x), 8)
        for step in x.unbind(1):
            state = self.cell(step, state)
        return self.head(state)


class Attentive(nn.Module):
    """A block of torch's attention, tokens first."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(6, 8)
        self.attention = nn.MultiheadAttention(8, 2)
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).transpose(0, 1)
        x = F.gelu(self.norm(x + self.attention(x, x, x, need_weights=False)[0]))
        return self.head(x.mean(0))


class Functional(nn.Module):
    """Convolutions, normalised or not, and an activation that is a function."""

    def __init__(self, activation: Callable[[Tensor], Tensor], *, norm: bool = True) -> None:
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)])
        self.norms = nn.ModuleList(nn.BatchNorm2d(6) if norm else nn.Identity() for _ in range(2))
        self.activation, self.head = activation, zoo.Head(6)

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = self.activation(norm(conv(x)))
        return self.head(x)


class OverwritesInput(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = zoo.plain_cnn()

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x.sub_(0.1).mul_(2))


class WithMask(nn.Module):
    """A dictionary of several tensors, of which the loss reads two."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(zoo.conv_bn_relu(3, 8), zoo.conv_bn_relu(8, 8))
        self.boxes, self.scores = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 1, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = self.body(x)
        return {"boxes": self.boxes(features), "scores": self.scores(features)}


def box_loss(output: dict[str, Tensor], targets: Tensor) -> Tensor:
    return F.mse_loss(output["boxes"], targets) + output["scores"].square().mean()


def mlp_with_norm() -> nn.Module:
    return nn.Sequential(
        nn.Linear(12, 16), nn.BatchNorm1d(16), nn.ReLU(),
        nn.Linear(16, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3),
    )  # fmt: skip


def regression() -> nn.Module:
    return nn.Sequential(zoo.conv_bn_relu(3, 8), zoo.conv_bn_relu(8, 8), zoo.Head(8, classes=1))


def segmentation() -> nn.Module:
    return nn.Sequential(zoo.conv_bn_relu(3, 8), zoo.conv_bn_relu(8, 8), nn.Conv2d(8, 5, 1))


def frozen() -> nn.Module:
    network = zoo.plain_cnn().eval()
    return network.requires_grad_(False)


def old_weight_norm() -> nn.Module:
    network = zoo.plain_cnn()
    # torch warns of it since 2.0, but networks in use have it.
    with pytest.warns(FutureWarning):
        nn.utils.weight_norm(network.get_submodule("1.0"))
    return network


CASES: dict[str, tuple[Callable[[], nn.Module], dict[str, Any], set[str]]] = {
    "lstm": (lambda: Gated(nn.LSTM), {"input_shape": (9, 5)}, NO_RECTIFIER | ONE_BLOCK),
    "gru, deep": (
        lambda: Gated(nn.GRU, layers=2, both=True),
        {"input_shape": (20, 5)}, NO_RECTIFIER | ONE_BLOCK,
    ),
    "gru cells": (Cells, {"input_shape": (6, 5)}, NO_RECTIFIER | NO_POSITIONS | ONE_BLOCK),
    "attention": (Attentive, {"input_shape": (9, 6)}, set()),
    "relu": (lambda: Functional(F.relu), {}, set()),
    "tensor's relu": (lambda: Functional(lambda x: x.relu()), {}, set()),
    "clamp": (lambda: Functional(lambda x: x.clamp(min=0)), {}, set()),
    "relu in place": (lambda: Functional(lambda x: F.relu(x, inplace=True)), {}, set()),
    "bare relu in place": (
        lambda: Functional(lambda x: F.relu(x, inplace=True), norm=False), {}, set()
    ),
    "relu_": (lambda: Functional(lambda x: x.relu_(), norm=False), {}, set()),
    "gelu": (lambda: Functional(F.gelu), {}, set()),
    "silu": (lambda: Functional(lambda x: F.silu(x, inplace=True), norm=False), {}, set()),
    "tanh": (lambda: Functional(torch.tanh), {}, NO_RECTIFIER),
    "overwrites its input": (OverwritesInput, {}, set()),
    "two inputs": (
        zoo.TwoInputs, {"input_shape": (4, 12, 12), "forward": zoo.two_inputs}, set()
    ),
    "loss of one's own": (
        WithMask,
        {"inputs": torch.randn(6, *IMAGE), "targets": torch.randn(6, 4, 12, 12), "loss": box_loss,
         "second": (torch.randn(6, *IMAGE), torch.randn(6, 4, 12, 12))},
        DENSE,
    ),
    "two batches": (
        zoo.plain_cnn,
        {"inputs": torch.randn(6, *IMAGE), "second": (torch.randn(4, *IMAGE), None)}, set(),
    ),
    "one batch": (zoo.plain_cnn, {"inputs": torch.randn(6, *IMAGE)}, {"zico", "zico_bc"}),
    "regression": (regression, {}, {"epe_nas", "vkdnw"}),
    "segmentation": (segmentation, {}, DENSE),
    "autocast": (zoo.plain_cnn, {"autocast": torch.bfloat16}, set()),
    "autocast of a transformer": (
        zoo.ViT, {"input_shape": (3, 16, 16), "autocast": torch.bfloat16}, set()
    ),
    "bfloat16": (lambda: zoo.plain_cnn().bfloat16(), {}, set()),
    "frozen": (frozen, {}, set()),
    "old weight norm": (old_weight_norm, {}, set()),
    "vectors": (mlp_with_norm, {"input_shape": (12,)}, NO_POSITIONS | {"gradsign"}),
    "tokens": (
        lambda: nn.Sequential(nn.Embedding(9, 8), nn.Linear(8, 8), nn.ReLU(), zoo.Head(7)),
        {"inputs": torch.randint(0, 9, (6, 7))},
        {*NO_BLOCKS, *NO_POSITIONS, "jacov", "epe_nas", "zen_score", "zen_score_authors",
         "zico", "zico_bc"},
    ),
}  # fmt: skip


def scored(network: nn.Module, **settings: Any) -> ScoreTable:
    if "inputs" not in settings:
        settings = {"input_shape": IMAGE, "batch_size": 6, **settings}
    return Scorer(list(SHELF), Excitation(**settings), device="cpu").score([network])


def checked(network: nn.Module, **settings: Any) -> ScoreTable:
    """The table, after a look at it and at what the pass left behind."""
    before = _fingerprint(network)
    table = scored(network, **settings)
    _assert_same(before, _fingerprint(network), "a pass")
    for proxy, value in zip(table.proxies, table.values[0], strict=True):
        assert np.isfinite(value) or (np.isnan(value) and table.notes[0].get(proxy)), proxy
        assert np.isnan(value) == (proxy in table.notes[0]), proxy
    return table


UNREAD = {
    "mlp": NO_POSITIONS,
    "recurrent": NO_POSITIONS,
    # It ends in a normalisation, so the outputs of a batch have a constant sum.
    "mobilenet": {"ntk_condition", "jacov", "epe_nas", "gradsign"},
    "decoder": DENSE,
}


@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_the_zoo(name: str) -> None:
    torch.manual_seed(0)
    build, shape = zoo.NETWORKS[name]
    table = checked(build(), input_shape=shape, batch_size=4)
    assert set(table.notes[0]) == UNREAD.get(name, set()), table.notes


@pytest.mark.parametrize("name", CASES)
def test_networks_of_users(name: str) -> None:
    torch.manual_seed(0)
    build, settings, unread = CASES[name]
    given = settings.get("inputs")
    kept = None if given is None else given.clone()
    table = checked(build(), **settings)
    assert set(table.notes[0]) == unread, table.notes
    assert given is None or torch.equal(given, kept)


@pytest.mark.parametrize("name", ["plain_cnn", "resnet", "mobilenet", "vit", "vgg", "decoder"])
def test_the_layout_in_memory_is_a_matter_of_rounding(name: str) -> None:
    torch.manual_seed(0)
    build, shape = zoo.NETWORKS[name]
    network = build().double()
    settings: dict[str, Any] = {
        "inputs": torch.randn(6, *shape),
        "second": (torch.randn(6, *shape), None),
        "initialisation": "keep",
        # Signs are drawn in the order of the memory.
        "cotangents": lambda place, size: torch.ones(size).cumsum(1) % 2 * 2 - 1,
    }
    last, first = (scored(network, **settings, channels_last=flag) for flag in (True, False))
    for proxy in SHELF:
        if proxy.startswith("zen"):
            continue  # draws a second input in the order of the memory
        one, two = last.column(proxy)[0], first.column(proxy)[0]
        assert one == pytest.approx(two, rel=1e-6, abs=1e-9, nan_ok=True), proxy


@pytest.mark.parametrize("mode", [True, False])
def test_mode_and_frozen_weights_do_not_matter(mode: bool) -> None:
    torch.manual_seed(0)
    network = zoo.ResNet()
    wanted = scored(network)
    network.train(mode).requires_grad_(not mode)
    network.get_submodule("layer1").train(not mode)
    np.testing.assert_array_equal(scored(network).values, wanted.values)


def test_a_network_that_writes_over_what_its_sweep_needs_has_the_gradient_of_its_twin() -> None:
    """Torch refuses to train it; its gradient is defined all the same."""

    class Twin(zoo.InPlace):
        def forward(self, x: Tensor) -> Tensor:
            for conv in self.convs:
                x = F.relu(F.relu((conv(x) + 0.5) * 1.5))
            return self.head(x)

    torch.manual_seed(0)
    network, twin = zoo.InPlace(), Twin()
    twin.load_state_dict(network.state_dict())
    for proxy in ("grad_norm", "snip", "fisher", "zico", "gradsign", "grasp", "synflow", "vkdnw"):
        scorer = Scorer([proxy], Excitation(IMAGE, batch_size=6, initialisation="keep"))
        table = scorer.score([network, twin])
        assert table.values[0] == pytest.approx(table.values[1], rel=1e-4), (proxy, table.notes)


def test_gradients_that_are_no_numbers_behind_an_output_that_is() -> None:
    """The root of zero has an infinite slope."""
    torch.manual_seed(0)
    table = checked(Functional(lambda x: F.relu(x) + (x * 0).sqrt()))
    for proxy in SHELF:
        if SHELF[proxy].reads in ("task", "two_tasks", "sample_gradients", "hessian", "jacobian"):
            assert "finite" in table.notes[0][proxy] or "nan" in table.notes[0][proxy], proxy
    assert np.isfinite(table.column("initial_loss")[0])
