"""Layers on the longest path, against hand counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests import zoo
from zc_plugins.costs.depth import depth
from zc_plugins.errors import InputShapeMismatch, InvalidArgument
from zc_plugins.spaces.nasbench201 import Cell, NasBench201


class Calls(nn.Module):
    """A network whose forward is a function of it and its input."""

    def __init__(self, forward: Callable[[Any, Tensor], Any], *layers: nn.Module) -> None:
        super().__init__()
        self.layers, self._forward = nn.ModuleList(layers), forward
        self.weight = nn.Parameter(torch.randn(4, 4))

    def forward(self, x: Tensor) -> Any:
        return self._forward(self, x)


def linears(count: int) -> nn.Sequential:
    return nn.Sequential(*(nn.Linear(4, 4) for _ in range(count)))


def into_one_buffer(network: Any, x: Tensor) -> Tensor:
    out = x.new_zeros(len(x), 8)
    out[:, :4] = network.layers[0](x)
    out[:, 4:] = x
    return network.layers[1](out)


def in_place(network: Any, x: Tensor) -> Tensor:
    y = x.clone()
    y += network.layers[0](x)
    return network.layers[1](y.relu_())


def hidden_output(network: Any, x: Tensor) -> Any:
    return type("Output", (), {"logits": network.layers[0](x)})()


def sparse_neighbours(network: Any, x: Tensor) -> Tensor:
    neighbours = torch.eye(len(x), device=x.device).to_sparse()
    return network.layers[0](x + torch.sparse.mm(neighbours, x))


TRANSFORMER_LAYER = 4

NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "plain_cnn": (zoo.plain_cnn, 4),
    "conv1d": (zoo.conv1d, 4),
    "conv3d": (zoo.conv3d, 4),
    "mlp": (zoo.mlp, 4),
    # Stem, four blocks of two, classifier; the 1 x 1 of a shortcut runs beside two.
    "resnet": (zoo.ResNet, 1 + 4 * 2 + 1),
    # An expansion, a depthwise convolution and a projection a block.
    "mobilenet": (zoo.mobilenet, 1 + 3 * 3 + 1),
    # Each layer of a dense block reads the one before it.
    "densenet": (zoo.DenseNet, 1 + 2 + 1 + 2 + 1),
    "vit": (zoo.ViT, 1 + 3 * TRANSFORMER_LAYER + 1),
    "vit_builtin": (lambda: zoo.ViT(builtin=True), 1 + 3 * TRANSFORMER_LAYER + 1),
    "in_place": (zoo.InPlace, 5),
    # Three runs of one convolution.
    "shared": (zoo.Shared, 1 + 3 + 1),
    # One product of the hidden state a step, after the first step's product of the input.
    "recurrent": (zoo.Recurrent, 1 + 9 + 2),
    "attributes": (lambda: zoo.Nested("attributes"), 5),
    "dropout_group_norm": (zoo.dropout_group_norm, 4),
    "vgg": (zoo.vgg, 4),
    "decoder": (zoo.decoder, 4),
    # Falls back to the device on which it lies.
    "value_dependent": (zoo.ValueDependent, 5),
    # Spectral normalisation multiplies weights, and not the input.
    "parametrised": (zoo.parametrised, 4),
    "caching": (zoo.caching, 4),
}

SMALL: dict[str, tuple[nn.Module, int]] = {
    "nothing": (nn.ReLU(), 0),
    "normalisation": (nn.LayerNorm(4), 0),
    "longest branch": (
        Calls(lambda n, x: n.layers[0](x) + n.layers[1](x), linears(2), linears(3)),
        3,
    ),
    "concatenated": (
        Calls(lambda n, x: torch.cat([n.layers[0](x), n.layers[1](x)], 1), linears(4), linears(1)),
        4,
    ),
    "dead branch": (
        Calls(lambda n, x: (n.layers[0](x), n.layers[1](x))[1], linears(5), linears(2)),
        2,
    ),
    "auxiliary output": (Calls(lambda n, x: {"a": n.layers[0](x), "b": [x]}, linears(2)), 2),
    "nested residuals": (Calls(lambda n, x: x + (x + n.layers[0](x)).relu(), linears(3)), 3),
    "constant": (Calls(lambda n, x: n.layers[0](n.weight), linears(2)), 0),
    "layers of a weight": (Calls(lambda n, x: x @ n.layers[0](n.weight), linears(3)), 1),
    "a learned bias": (
        Calls(lambda n, x: torch.baddbmm(n.weight[:1, :1], x[:, None], x[..., None])),
        0,
    ),
    "two activations": (Calls(lambda n, x: n.layers[0](x).T @ x, linears(2)), 2),
    "written in place": (Calls(in_place, nn.Linear(4, 4), nn.Linear(4, 4)), 2),
    "one buffer": (Calls(into_one_buffer, nn.Linear(4, 4), nn.Linear(8, 2)), 2),
    "hidden output": (Calls(hidden_output, linears(2)), 2),
    "sparse neighbours": (Calls(sparse_neighbours, linears(2)), 2),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_by_hand(name: str) -> None:
    build, wanted = NETWORKS[name]
    assert depth(build(), zoo.NETWORKS[name][1]) == wanted


@pytest.mark.parametrize("name", SMALL)
def test_small_networks(name: str) -> None:
    network, wanted = SMALL[name]
    assert depth(network, (4,)) == wanted


def test_fused_attention() -> None:
    network = Calls(lambda n, x: F.scaled_dot_product_attention(n.layers[0](x), x, x), linears(2))
    assert depth(network, (5, 4)) == 2


def test_cells() -> None:
    space = NasBench201(channels=4, cells_per_stage=2)
    outside = 1 + 2 * 2 + 1  # stem, two reductions of two, classifier
    in_a_row = ["none"] * 6
    for place in (0, 2, 5):  # edges 0-1, 1-2, 2-3
        in_a_row[place] = "nor_conv_3x3"
    for operations, in_the_cell in (
        (("skip_connect",) * 6, 0),
        (("nor_conv_1x1",) * 6, 3),
        (tuple(in_a_row), 3),
        (("none", "none", "none", "nor_conv_3x3", "none", "none"), 1),
    ):
        network = space.build(Cell(operations))
        assert depth(network, (3, 16, 16)) == outside + 6 * in_the_cell


def test_forward_of_ones_own() -> None:
    assert depth(zoo.TwoInputs(), (4, 8, 8), forward=zoo.two_inputs) == 5


def test_the_model_may_lie_on_the_meta_device() -> None:
    with torch.device("meta"):
        network = zoo.ResNet()
    assert depth(network, (3, 32, 32)) == 10


def test_errors() -> None:
    with pytest.raises(InputShapeMismatch, match="does not fit the network"):
        depth(zoo.plain_cnn(), (5, 8, 8))
    with pytest.raises(InvalidArgument, match="positive sizes"):
        depth(zoo.plain_cnn(), ())
