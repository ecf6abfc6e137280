"""Bytes kept for the backward pass, by hand and against what autograd really keeps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests import zoo
from zc_plugins.costs.activation_memory import activation_memory
from zc_plugins.errors import InputShapeMismatch

CASES: dict[str, tuple[nn.Module, tuple[int, ...], int]] = {
    # The convolution keeps its input, the ReLU its output.
    "conv": (nn.Conv2d(3, 8, 3, padding=1), (3, 4, 4), 3 * 16 * 4),
    "conv relu": (nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU()), (3, 4, 4), 11 * 16 * 4),
    "in place": (
        nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(inplace=True)),
        (3, 4, 4),
        11 * 16 * 4,
    ),
    # The second layer's input is the ReLU's output: one storage.
    "mlp": (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), (6,), (6 + 5) * 4),
    # A weight whose first axis is as long as the batch is no activation.
    "two outputs": (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)), (6,), 11 * 4),
    "four outputs": (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4)), (6,), 11 * 4),
    # Layers over tokens keep (batch x tokens, channels).
    "tokens": (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)), (10, 6), 110 * 4),
    "double": (nn.Linear(6, 5).double(), (6,), 6 * 8),
    "nothing": (nn.Flatten(), (3, 4, 4), 0),
}


@pytest.mark.parametrize("name", CASES)
def test_by_hand(name: str) -> None:
    model, shape, wanted = CASES[name]
    assert activation_memory(model, shape) == wanted


@pytest.mark.parametrize("name", ["plain_cnn", "resnet", "vit", "value_dependent", "mobilenet"])
def test_against_a_real_forward(name: str) -> None:
    build, shape = zoo.NETWORKS[name]
    network = build()
    weights = {p.untyped_storage().data_ptr() for p in network.parameters()}
    batch, saved = 64, {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        network(torch.randn(batch, *shape, requires_grad=True))
    real = sum(size for size, _ in saved.values()) / batch
    assert activation_memory(network, shape) == pytest.approx(real, rel=0.05)


def test_refused_shape() -> None:
    with pytest.raises(InputShapeMismatch):
        activation_memory(zoo.plain_cnn(), (5, 8, 8))
