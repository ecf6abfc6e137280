"""Entropy of spectra that are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from zc_plugins.errors import Unscorable
from zc_plugins.probes import Reading
from zc_plugins.probes.block_vjp import BlockEvidence
from zc_plugins.proxies._spectral_entropy import feature_covariance, spectral_entropy
from zc_plugins.proxies.expressivity import expressivity
from zc_plugins.proxies.progressivity import least_gain


def evidence(feature: Tensor) -> BlockEvidence:
    return BlockEvidence("block", feature, None, torch.sign, (1, 1))


@pytest.mark.parametrize(
    ("eigenvalues", "wanted"),
    [
        ([1, 1, 1, 1], np.log(4)),
        ([5, 5], np.log(2)),
        ([3, 0, 0], 0),
        ([3, 1], -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))),
    ],
)
def test_known_spectra(eigenvalues: list[float], wanted: float) -> None:
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(len(eigenvalues),) * 2))[0]
    covariance = rotation @ np.diag(np.array(eigenvalues, float)) @ rotation.T
    assert spectral_entropy(covariance) == pytest.approx(wanted, abs=1e-6)
    assert spectral_entropy(1e-12 * covariance) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("shape", [(50, 6), (6, 50)])
def test_covariance_in_either_form_has_the_same_spectrum(shape: tuple[int, int]) -> None:
    feature = torch.randn(shape, dtype=torch.float64) + 3
    covariance = feature_covariance(evidence(feature)).numpy()
    assert covariance.shape == (6, 6)
    wanted = np.linalg.eigvalsh(np.cov(feature.numpy().T, bias=True))[-5:]
    np.testing.assert_allclose(np.linalg.eigvalsh(covariance)[-5:], wanted)


@pytest.mark.parametrize("constant", [0.0, 1.0, 1e6, -1e-6, 0.1])
def test_constant_features(constant: float) -> None:
    feature = torch.full((1000, 4), constant)
    with pytest.raises(Unscorable, match="constant"):
        spectral_entropy(feature_covariance(evidence(feature)).numpy())


def test_a_faint_signal_on_a_large_mean_is_none_of_rounding() -> None:
    feature = torch.randn(1000, 4, dtype=torch.float64) * 1e-6 + 1
    assert spectral_entropy(feature_covariance(evidence(feature)).numpy()) > 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite(value: float) -> None:
    feature = torch.randn(20, 4)
    feature[3, 2] = value
    with pytest.raises(Unscorable, match="not finite"):
        spectral_entropy(feature_covariance(evidence(feature)).numpy())


@pytest.mark.parametrize(
    ("entropies", "gain"), [([1, 2, 4], 1), ([1, 3, 2], -1), ([2, 2], 0), ([0, 5, 10, 20], 5)]
)
def test_least_gain(entropies: list[float], gain: float) -> None:
    assert least_gain(np.array(entropies, float)) == gain


def test_least_gain_needs_two_blocks() -> None:
    with pytest.raises(Unscorable, match="two blocks or more, found 1"):
        least_gain(np.array([1.0]))


def test_reduction_of_a_reading() -> None:
    def scored(*values: Any) -> Any:
        column = tuple((f"b{i}", np.array(v)) for i, v in enumerate(values))
        return expressivity.score(Reading(("b0", "b1"), (column,)), 0)

    good = scored(np.eye(2), np.eye(4))
    assert good.value == pytest.approx(np.log(8), abs=1e-6)
    assert good.names == ("b0", "b1")
    bad = scored(np.eye(2), np.zeros((4, 4)))
    assert np.isnan(bad.value)
    assert bad.note == "b1: features are constant (dead or disconnected)"
    np.testing.assert_allclose(bad.layers, [np.log(2), np.nan], atol=1e-6)
