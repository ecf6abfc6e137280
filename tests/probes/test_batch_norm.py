"""Batch normalisation that is quick to differentiate twice is torch's own in value."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zc_plugins import Excitation, Scorer
from zc_plugins.probes import _batch_norm
from zc_plugins.probes._batch_norm import normalise_twice_differentiably

LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "images": (lambda: nn.BatchNorm2d(3), (4, 3, 5, 5)),
    "vectors": (lambda: nn.BatchNorm1d(3), (6, 3)),
    "sequences": (lambda: nn.BatchNorm1d(3, eps=0.1), (6, 3, 4)),
    "volumes": (lambda: nn.BatchNorm3d(3), (4, 3, 2, 3, 2)),
    "no scale": (lambda: nn.BatchNorm2d(3, affine=False), (4, 3, 5, 5)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_both_derivatives_are_torchs(name: str) -> None:
    make, shape = LAYERS[name]

    def derivatives(quick: bool) -> tuple[Tensor, Tensor, Tensor]:
        torch.manual_seed(1)
        network = nn.Sequential(make(), nn.Tanh()).double()
        for parameter in network.parameters():
            parameter.data.normal_()
        if quick:
            normalise_twice_differentiably(network)
        x = torch.randn(shape, dtype=torch.double, requires_grad=True)
        weight, along = torch.randn(2, *shape, dtype=torch.double)
        output = network(x)
        loss = (output * weight).sum() ** 2
        (first,) = torch.autograd.grad(loss, x, create_graph=True)
        (second,) = torch.autograd.grad((first * along).sum(), x)
        return output.detach(), first.detach(), second

    for ours, theirs in zip(derivatives(True), derivatives(False), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_grasp_is_that_of_torchs_own_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5),
        nn.ReLU(), nn.Flatten(), nn.Linear(80, 3),
    ).double()  # fmt: skip
    scorer = Scorer(["grasp"], Excitation((3, 8, 8), batch_size=6), device="cpu")
    quick = scorer.score([network]).values
    monkeypatch.setattr(_batch_norm, "_BatchNorm", nn.Identity)
    np.testing.assert_allclose(scorer.score([network]).values, quick, rtol=1e-9)
    assert "forward" not in vars(network[1])
