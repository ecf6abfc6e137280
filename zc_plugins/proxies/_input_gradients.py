"""Scores of the correlation between samples' input gradients."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import Degenerate, Unscorable
from zc_plugins.probes.jacobian import JacobianEvidence

EPSILON = 1e-5
"""Of the public code, inside the logarithms and quotients."""


def correlation(evidence: JacobianEvidence) -> Tensor:
    """Of shape (batch, batch)."""
    return evidence.correlation


def correlation_and_labels(evidence: JacobianEvidence) -> Tensor:
    """The correlation, and the labels as one more row, unless a sample has other than one class."""
    labels, matrix = evidence.targets, evidence.correlation
    if labels.dim() != 1 or labels.is_floating_point():
        return matrix
    return torch.cat([matrix, labels.to(matrix)[None]])


def spectrum_score(matrix: Float[ndarray, "batch batch"]) -> float:
    """-sum(log(v + e) + 1 / (v + e)) over eigenvalues v: highest when all samples are independent.

    Raises:
        Degenerate: if a sample's gradient is constant or not finite.
    """
    require_correlation(matrix)
    eigenvalues = np.linalg.eigvalsh(matrix).clip(min=0) + EPSILON
    return float(-(np.log(eigenvalues) + 1 / eigenvalues).sum())


def class_score(matrix: Float[ndarray, "rows batch"]) -> float:
    """EPE-NAS: absolute sums of log |correlation| within each class.

    With more than 100 classes, per entry, and the mean difference between classes instead.

    Raises:
        Unscorable: without labels.
        Degenerate: if a sample's gradient is constant or not finite.
    """
    if len(matrix) == matrix.shape[1]:
        raise Unscorable("needs targets of one class a sample, of shape (batch,)")
    correlations, labels = matrix[:-1], matrix[-1]
    require_correlation(correlations)
    classes = np.unique(labels)
    sums = []
    for label in classes:
        members = labels == label
        block = np.abs(correlations[np.ix_(members, members)])
        logarithms = np.log(block + EPSILON)
        sums.append(logarithms.mean() if len(classes) > 100 else logarithms.sum())
    if len(classes) <= 100:
        return float(np.abs(sums).sum())
    differences = np.abs(np.subtract.outer(sums, sums))
    return float(differences[np.triu_indices(len(sums), 1)].mean())


def require_correlation(matrix: ndarray) -> None:
    """Refuse what corrcoef gives for a constant row.

    Raises:
        Degenerate: always then.
        Unscorable: if the gradient is zero but for rounding.
    """
    if np.isinf(matrix).all():
        raise Unscorable(
            "the gradient of the summed output at the input is zero up to rounding, as behind "
            "a batch normalisation and a linear head"
        )
    if not np.isfinite(matrix).all():
        raise Degenerate("a sample's input gradient is constant or not finite")
