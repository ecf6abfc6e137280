"""Entropy of a block's feature spectrum: expressivity and progressivity reduce it differently."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import Degenerate
from zc_plugins.probes.block_vjp import BlockEvidence


def feature_covariance(evidence: BlockEvidence) -> Tensor:
    """Covariance of the block's output over batch and positions, of shape (channels, channels).

    Or, with fewer positions than channels, the Gram matrix of the positions, whose non-zero
    eigenvalues are the same. All zeros if the features are constant up to rounding.
    """
    feature = evidence.feature
    mean = feature.mean(0)
    centred = feature - mean
    wide = feature.shape[1] > feature.shape[0]
    gram = centred @ centred.T if wide else centred.T @ centred
    covariance = gram / feature.shape[0]
    rounding = (64 * torch.finfo(feature.dtype).eps) ** 2 * mean.square().sum()
    # NaN and infinity must survive, so that the reason is named: hence "not at most".
    return covariance * ~(covariance.trace() <= rounding)


def spectral_entropy(covariance: Float[ndarray, "channels channels"]) -> float:
    """Entropy in nats of the normalised eigenvalues: -sum p log(p + 1e-8), at most log(channels).

    Eigenvalues are clamped at 0. AZ-NAS's public code takes them in float32 unclamped, so that
    rounding makes some of rank-poor features negative and the score -inf; the paper has no 1e-8.

    Raises:
        Degenerate: if the features are constant or not finite.
    """
    if not np.isfinite(covariance).all():
        raise Degenerate("features are not finite")
    if not covariance.any():
        raise Degenerate("features are constant (dead or disconnected)")
    eigenvalues = np.linalg.eigvalsh(covariance).clip(min=0)
    share = eigenvalues / eigenvalues.sum()
    return float(-(share * np.log(share + 1e-8)).sum())
