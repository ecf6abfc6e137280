"""What every proxy must keep."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from zc_plugins.probes import SHELF as PROBES
from zc_plugins.probes import Excitation
from zc_plugins.proxies import Proxy
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable


def check_proxy(
    proxy: Proxy, *, live: nn.Module | None = None, input_shape: tuple[int, ...] = (3, 16, 16)
) -> None:
    """Check a proxy on a live and on a dead network.

    Same seed, same score; finite on the live network, with one number a layer; on a network whose
    activations are constant, not a number with a note that says why, and never an error (a proxy
    that reads only costs or weights does not see that).

    Args:
        proxy: yours.
        live: a network that the proxy can score; a small convolutional one by default.
        input_shape: of one sample, without the batch axis.

    Raises:
        AssertionError: with what is wrong.
    """
    better = proxy.higher_is_better
    assert isinstance(better, bool), f"{proxy.name}.higher_is_better is {better!r}, not a bool"
    assert proxy.reads in list(PROBES), f"{proxy.name} reads {proxy.reads!r}, which is no probe"
    network = _network(_Active()) if live is None else live
    table = _scored(proxy, network, input_shape)
    value = table.values[0, 0]
    assert np.isfinite(value), f"{proxy.name} is {value} on a live network: {table.notes[0]}"
    assert not table.notes[0], f"{proxy.name} is {value} and yet notes {table.notes[0]}"
    vector = table.layers[proxy.name][0]
    assert vector.ndim == 1, f"the vector has shape {vector.shape}, (layers,) is wanted"
    assert len(vector), f"{proxy.name} has a score and no layer"
    assert vector.dtype == np.float64, f"the vector is of {vector.dtype}, float64 is wanted"
    again = _scored(proxy, network, input_shape).values[0, 0]
    assert again == value, f"one seed, two scores: {value} and {again}"
    if proxy.reads not in ("cost", "weights"):
        _check_dead(proxy, input_shape if live is None else (3, 16, 16))


def _check_dead(proxy: Proxy, input_shape: tuple[int, ...]) -> None:
    table = _scored(proxy, _network(_Dead()), input_shape)
    value, note = table.values[0, 0], table.notes[0].get(proxy.name)
    assert np.isnan(value), f"{proxy.name} is {value} on a dead network, NaN is wanted"
    assert note, f"{proxy.name} does not note why a dead network has no score"


def _scored(proxy: Proxy, network: nn.Module, input_shape: tuple[int, ...]) -> ScoreTable:
    return Scorer([proxy], Excitation(input_shape, batch_size=8), device="cpu").score([network])


def _network(activation: nn.Module) -> nn.Module:
    layers: list[nn.Module] = []
    for inputs, outputs, stride in ((3, 8, 1), (8, 12, 2), (12, 16, 2)):
        convolution = nn.Conv2d(inputs, outputs, 3, stride, 1)
        layers += [convolution, nn.BatchNorm2d(outputs), activation]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))


class _Active(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x)


class _Dead(nn.Module):
    """No probe can bring it to life with fresh weights, as it could a bias."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x - 1e9)
