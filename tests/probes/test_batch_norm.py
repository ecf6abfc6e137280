"""Batch normalisation that is quick to differentiate twice is torch's own in value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
        output = network[0](x)
        assert ("_Normalised" in type(output.grad_fn).__name__) == quick
        output = network[1](output)
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
    called: list[int] = []
    backward = _batch_norm._Gradient.backward
    monkeypatch.setattr(
        _batch_norm._Gradient, "backward",
        staticmethod(lambda ctx, *along: (called.append(1), backward(ctx, *along))[1]),
    )  # fmt: skip
    quick = scorer.score([network]).values
    assert len(called) == 2
    monkeypatch.setattr(_batch_norm, "_BatchNorm", nn.Identity)
    np.testing.assert_allclose(scorer.score([network]).values, quick, rtol=1e-9)
    assert "forward" not in vars(network[1])
    assert len(called) == 2


def test_running_statistics_follow() -> None:
    one, other = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    normalise_twice_differentiably(one)
    x = torch.randn(4, 3, 5, 5) + 2
    torch.testing.assert_close(one(x), other(x))
    torch.testing.assert_close(one.running_mean, other.running_mean)
    torch.testing.assert_close(one.running_var, other.running_var)


class _Shifted(nn.BatchNorm2d):
    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) + 1


def _frozen() -> nn.Module:
    return nn.BatchNorm2d(3).eval()


def _patched() -> nn.Module:
    layer = nn.BatchNorm2d(3)
    vars(layer)["forward"] = lambda x: 2 * x
    return layer


@pytest.mark.parametrize("make", [_frozen, _patched, lambda: _Shifted(3)])
def test_what_runs_otherwise_stays(make: Callable[[], nn.Module]) -> None:
    layer, x = make(), torch.randn(4, 3, 5, 5)
    before = layer(x)
    normalise_twice_differentiably(nn.Sequential(layer))
    torch.testing.assert_close(layer(x), before, rtol=0, atol=0)
    assert "_Normalised" not in str(type(layer(x.requires_grad_()).grad_fn))


def test_channels_last_and_bf16_autocast() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)
    )

    def grasp(**settings: Any) -> float:
        excitation = Excitation((3, 8, 8), batch_size=6, **settings)
        return float(Scorer(["grasp"], excitation, device="cpu").score([network]).values[0, 0])

    assert grasp(channels_last=True) == pytest.approx(grasp(channels_last=False), rel=1e-3)
    assert grasp(autocast=torch.bfloat16) == pytest.approx(grasp(), rel=0.3)
