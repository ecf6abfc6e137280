"""Singular values of Jacobians that are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zc_plugins.errors import Unscorable
from zc_plugins.probes import Excitation
from zc_plugins.probes.block_vjp import BlockEvidence
from zc_plugins.proxies.trainability import (
    gradient_balance,
    gradient_correlation,
    mean_balance,
)
from zc_plugins.scorer import Scorer


def balance(pulled: Tensor, cotangent: Tensor) -> float:
    evidence = BlockEvidence("block", cotangent, pulled, torch.sign, (1, 1))
    vars(evidence)["pullback"] = (pulled, cotangent)
    correlation = gradient_correlation(evidence)
    assert correlation is not None
    return gradient_balance(correlation.double().numpy())


def signs(rows: int, columns: int) -> Tensor:
    generator = torch.Generator().manual_seed(rows)
    return torch.randint(0, 2, (rows, columns), generator=generator).double() * 2 - 1


@pytest.mark.parametrize("scale", [0.01, 0.5, 1.0, 2.0, 30.0])
def test_scaled_rotation(scale: float) -> None:
    rotation = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64))[0]
    cotangent = signs(20000, 6)
    wanted = -scale - 1 / scale + 2
    assert balance(scale * cotangent @ rotation, cotangent) == pytest.approx(
        wanted, rel=0.1, abs=0.02
    )


@pytest.mark.parametrize(("rows", "inputs", "outputs"), [(4, 9, 7), (7, 7, 9), (30, 9, 7)])
def test_largest_singular_value_in_either_form(rows: int, inputs: int, outputs: int) -> None:
    pulled, cotangent = torch.randn(rows, inputs, dtype=torch.float64), signs(rows, outputs)
    sigma = float(torch.linalg.matrix_norm(pulled.T @ cotangent / rows, 2))
    assert balance(pulled, cotangent) == pytest.approx(-sigma - 1 / (sigma + 1e-6) + 2)


@pytest.mark.parametrize(("rows", "columns"), [(50, 4), (3, 8)])
def test_undefined(rows: int, columns: int) -> None:
    cotangent = signs(rows, columns)
    with pytest.raises(Unscorable, match="identity"):
        balance(cotangent, cotangent)
    with pytest.raises(Unscorable, match="no gradient passes"):
        balance(torch.zeros_like(cotangent), cotangent)
    with pytest.raises(Unscorable, match="not finite"):
        balance(torch.full_like(cotangent, torch.nan), cotangent)
    assert np.isfinite(balance(cotangent * 1.001, cotangent))


def test_mean_needs_a_block() -> None:
    assert mean_balance(np.array([-1.0, -3.0])) == -2
    with pytest.raises(Unscorable, match="two block boundaries"):
        mean_balance(np.empty(0))


def test_identity_block_of_a_network() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.Identity(), nn.Conv2d(8, 8, 3), nn.Flatten(), nn.Linear(128, 2)
    )
    network.zc_blocks = ("0", "1", "2")  # type: ignore[assignment]
    table = Scorer(["trainability"], Excitation((3, 8, 8), batch_size=4)).score([network])
    assert table.notes[0]["trainability"] == "1: the block is the identity"
    layers = table.layers["trainability"][0]
    assert np.isnan(layers[0])
    assert np.isfinite(layers[1])
