"""Latency is a positive number, and measuring leaves the network alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests import zoo
from zc_plugins.costs.latency import latency
from zc_plugins.errors import InputShapeMismatch, InvalidArgument


def test_positive_and_in_eval_mode() -> None:
    modes = []

    class Spy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            modes.append((self.training, torch.is_grad_enabled(), len(x)))
            return x

    network = nn.Sequential(nn.Linear(4, 4), Spy())
    assert latency(network, (4,), batch_size=3, warm_up=2, repeats=3) > 0
    assert modes == [(False, False, 3)] * 5
    assert all(module.training for module in network.modules())


def test_trainable_afterwards() -> None:
    network = zoo.caching()
    latency(network, (3, 8, 8), warm_up=0, repeats=1)
    network(torch.randn(2, 3, 8, 8)).sum().backward()


@pytest.mark.parametrize("arguments", [{"repeats": 0}, {"batch_size": 0}])
def test_impossible_counts(arguments: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument, match="at least 1"):
        latency(nn.Linear(4, 4), (4,), **arguments)


def test_refused_shape() -> None:
    with pytest.raises(InputShapeMismatch):
        latency(nn.Linear(4, 4), (5,))


def test_forward_of_ones_own() -> None:
    assert latency(zoo.TwoInputs(), (4, 8, 8), repeats=1, forward=zoo.two_inputs) > 0
