"""Block boundaries are where a reader of the network would draw them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests import zoo
from tests.golden_networks import TINY
from zc_plugins.errors import InvalidArgument, NoReadableLayers, Unscorable
from zc_plugins.probes._blocks import (
    block_boundaries,
    first_tensor,
    last_feature,
    named_run,
    tensors_in,
)
from zc_plugins.spaces.nasbench201 import NasBench201

BOUNDARIES: dict[str, list[str]] = {
    "plain_cnn": ["0.2", "1.2", "2.2"],
    "conv1d": ["1", "3", "5"],
    "conv3d": ["2", "4", "6"],
    "mlp": ["1", "3", "5"],
    # Pooling changes the shape, so the stem ends before it.
    "resnet": ["relu", "layer1.0", "layer1.1", "layer2.0", "layer2.1"],
    "mobilenet": ["0.2", "1", "2", "3"],
    # Normalisation and ReLU after a block belong to it.
    "densenet": ["stem", "transition.1", "transition.2", "block2"],
    "vit": ["patch_embed", "blocks.0", "blocks.1", "norm"],
    "vit_builtin": ["patch_embed", "blocks.0", "blocks.1", "norm"],
    "in_place": ["relu", "relu@2", "relu@3", "relu@4"],
    "shared": ["relu", "relu@2", "relu@3", "relu@4"],
    "recurrent": ["lstm", "mix"],
    "dict": ["blocks.0", "blocks.1", "blocks.2", "last"],
    "dropout_group_norm": ["0.3", "1.3", "3.3"],
    # So does dropout.
    "vgg": ["1", "4", "9"],
    "valid": ["1", "3", "5"],
    "decoder": ["1", "4", "6"],
    # Fails on the meta device half-way: what ran there must be forgotten.
    "value_dependent": ["early.first.2", "early.second.2", "late.first.2", "late.second.2"],
    "parametrised": ["1", "3", "5"],
}


@pytest.mark.parametrize("name", BOUNDARIES)
def test_boundaries(name: str) -> None:
    build, shape = zoo.NETWORKS[name]
    assert block_boundaries(build(), shape) == BOUNDARIES[name]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("N1", ["stages.0.2", "stages.1.2", "stages.2.2", "stages.3.2"]),
        ("N2", ["stages.0.1", "stages.1.1", "stages.2.1"]),
        # The block without a skip is as closed as the one with it.
        ("N3", ["stages.0.2", "stages.1", "stages.2", "stages.3.2"]),
    ],
)
def test_boundaries_of_the_reference_networks(name: str, wanted: list[str]) -> None:
    assert block_boundaries(TINY[name](), (3, 16, 16)) == wanted


def test_a_boundary_carries_the_whole_dataflow() -> None:
    """Without it the output no longer depends on the input."""
    for name in ("resnet", "densenet", "vit", "mobilenet"):
        build, shape = zoo.NETWORKS[name]
        network = build()
        for boundary in block_boundaries(network, shape):
            handle = network.get_submodule(boundary).register_forward_hook(
                lambda m, a, out: out.detach()
            )
            x = torch.randn(2, *shape, requires_grad=True)
            for parameter in network.parameters():
                parameter.requires_grad_(False)
            assert not network(x).requires_grad
            handle.remove()


def test_the_space_declares_its_cells() -> None:
    space = NasBench201(channels=2, cells_per_stage=2)
    network = space.build(next(iter(space)))
    assert block_boundaries(network, (3, 8, 8)) == ["stem", *(f"blocks.{i}" for i in range(8))]


def test_user_and_network_declare() -> None:
    network = zoo.plain_cnn()
    assert block_boundaries(network, (3, 8, 8), declared=("1", "2")) == ["1", "2"]
    network.zc_blocks = ("0", "2")  # type: ignore[assignment]
    assert block_boundaries(network, (3, 8, 8)) == ["0", "2"]
    assert block_boundaries(network, (3, 8, 8), declared=("1",)) == ["1"]
    with pytest.raises(InvalidArgument, match="'nowhere' is no module"):
        block_boundaries(network, (3, 8, 8), declared=("nowhere",))
    with pytest.raises(InvalidArgument, match="'nowhere@2' is no module"):
        block_boundaries(network, (3, 8, 8), declared=("nowhere@2",))


def test_a_network_declares_its_last_feature_map() -> None:
    network = zoo.plain_cnn()
    traced = last_feature(network, (3, 8, 8))
    network.zc_feature = "1"  # type: ignore[assignment]
    assert last_feature(network, (3, 8, 8)) == "1" != traced
    network.zc_feature = "nowhere"  # type: ignore[assignment]
    with pytest.raises(InvalidArgument, match="zc_feature name 'nowhere' is no module"):
        last_feature(network, (3, 8, 8))


def test_two_branches_have_no_common_boundary_but_the_end() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = zoo.plain_cnn(), zoo.plain_cnn()

        def forward(self, x: Tensor) -> Tensor:
            return self.a(x) + self.b(x)

    with pytest.raises(Unscorable, match="no block boundary"):
        block_boundaries(Branches(), (3, 8, 8))


@pytest.mark.parametrize(
    ("network", "error"),
    [
        (nn.Identity(), NoReadableLayers),
        (nn.ReLU(), NoReadableLayers),
        (nn.Sequential(nn.MaxPool2d(2), nn.BatchNorm2d(3)), NoReadableLayers),
    ],
)
def test_nothing_to_read(network: nn.Module, error: type[Exception]) -> None:
    with pytest.raises(error, match="Conv1d, Conv2d, Conv3d or Linear"):
        block_boundaries(network, (3, 8, 8))


@pytest.mark.parametrize(
    "end", [lambda x: torch.zeros(len(x), 10), lambda x: x.detach(), lambda x: x.argmax(1)]
)
def test_disconnected_output(end: Callable[[Tensor], Tensor]) -> None:
    network = zoo.plain_cnn()
    with pytest.raises(Unscorable, match="from the output to the input"):
        block_boundaries(network, (3, 8, 8), forward=lambda model, x: end(model(x)))


def test_named_run() -> None:
    assert named_run("relu") == ("relu", 1)
    assert named_run("a.relu@12") == ("a.relu", 12)
    assert named_run("odd@name") == ("odd@name", 1)


def test_tensors_in_nested_outputs() -> None:
    a, b = torch.zeros(1), torch.ones(1)
    nested: Any = [{"x": (a, "text")}, None, zoo.Pair(b, a), 3]
    assert [t is a for t in tensors_in(nested)] == [True, False, True]
    assert first_tensor(nested) is a
    assert first_tensor("nothing") is None
