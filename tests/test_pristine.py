"""Whatever happens inside, the network is as it was."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import zoo
from zc_plugins._pristine import initialise, pristine
from zc_plugins._seeding import seeded
from zc_plugins.testing.check_probe import _assert_same, _fingerprint


@pytest.mark.parametrize("raises", [False, True])
def test_everything_comes_back(raises: bool) -> None:
    network = nn.Sequential(zoo.plain_cnn(), zoo.CachesMask())
    network[0][0][1].eval()
    before = _fingerprint(network)
    generator = torch.Generator().manual_seed(0)
    with pytest.raises(KeyboardInterrupt) if raises else seeded(0), pristine(network, seed=3):
        for module in network.modules():
            module.train()
            if isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None
                module.running_mean.add_(1)
        initialise(network, generator, channels_last=True)
        network[1].mask = torch.ones(1)
        network[1].novelty = 3
        network.register_buffer("late", torch.ones(1))
        random.random(), np.random.rand(), torch.rand(1)
        for parameter in network.parameters():
            parameter.requires_grad_(False)
            parameter.grad = torch.ones_like(parameter)
        if raises:
            raise KeyboardInterrupt
    _assert_same(before, _fingerprint(network), "a pass")
    assert network[1].mask is None
    assert not hasattr(network[1], "novelty")
    assert not hasattr(network, "late")


def test_seeded_inside_and_untouched_outside() -> None:
    def draws() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(()))]

    with seeded(1):
        first = draws()
        with seeded(2):
            second = draws()
        third = draws()
    with seeded(1):
        assert draws() == first
        assert draws() == third
    with seeded(2):
        assert draws() == second


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_initial_weights(dtype: torch.dtype) -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Parameter(torch.full((3,), 5.0))
            self.conv = nn.Conv2d(64, 64, 3)
            self.linear = nn.Linear(512, 256)
            self.norm = nn.LayerNorm(7)
            self.plain_norm = nn.BatchNorm2d(7, affine=False)

        def forward(self, x: Tensor) -> Tensor:
            return x

    network = Bare().to(dtype)
    initialise(network, torch.Generator().manual_seed(0), channels_last=True)
    for weight, fan_in in ((network.conv.weight, 576), (network.linear.weight, 512)):
        assert weight.dtype == dtype
        drawn = weight.detach().float()
        assert float(drawn.std()) == pytest.approx((2 / fan_in) ** 0.5, rel=0.02)
        assert abs(float(drawn.mean())) < 1e-3
    assert network.conv.weight.is_contiguous(memory_format=torch.channels_last)
    assert not network.conv.bias.any()
    assert bool((network.norm.weight == 1).all())
    assert bool((network.token == 5).all())
