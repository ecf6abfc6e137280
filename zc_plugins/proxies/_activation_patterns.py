"""Which units two samples switch alike: naswot and linear_regions read it differently."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import Degenerate, Unscorable
from zc_plugins.probes.activations import ActivationEvidence


def agreement(evidence: ActivationEvidence) -> Tensor:
    """Number of units of a rectifier that two samples switch alike, of shape (batch, batch).

    With x of zeros and ones, that is x x^T + (1 - x)(1 - x)^T; one product suffices, since the
    diagonal of x x^T counts each sample's active units.
    """
    active = evidence.active
    units = active.shape[1]
    # Counts above 2^24 are not exact in float32.
    exact = active.double() if units >= 2**24 and active.device.type != "mps" else active
    both = exact @ exact.T
    counts = both.diagonal()
    return 2 * both - counts[:, None] - counts[None, :] + units


def log_determinant(kernel: Float[ndarray, "batch batch"]) -> float:
    """Logarithm of the absolute determinant.

    Raises:
        Degenerate: if the rectifiers tell no two samples apart.
        Unscorable: if the kernel is singular otherwise: fewer units than samples, for example.
    """
    if (kernel == kernel[0, 0]).all():
        raise Degenerate("all samples look alike to the rectifiers")
    value = layer_log_determinant(kernel)
    if np.isnan(value):
        raise Unscorable("the kernel is singular, with fewer units than samples: lower batch_size")
    return value


def log_determinant_of_sum(kernels: Sequence[Float[ndarray, "batch batch"]]) -> float:
    """Of the network: the kernels of all rectifiers are summed first."""
    return log_determinant(np.sum(kernels, axis=0))


def layer_log_determinant(kernel: Float[ndarray, "batch batch"]) -> float:
    """Of one rectifier; NaN where it cannot tell the samples apart, which the network may still."""
    eigenvalues = np.linalg.eigvalsh(kernel)
    singular = eigenvalues[0] <= len(kernel) * np.finfo(np.float64).eps * eigenvalues[-1]
    return float("nan") if singular else float(np.log(eigenvalues).sum())


def distinct_patterns(kernel: Float[ndarray, "batch batch"]) -> float:
    """Number of samples' patterns that differ: equal ones agree in every unit."""
    alike = kernel == kernel.max()
    # Each group of k equal samples counts k times 1/k.
    return float((1 / alike.sum(1)).sum())


def distinct_patterns_of_network(kernels: Sequence[Float[ndarray, "batch batch"]]) -> float:
    """Of the whole network's pattern.

    Raises:
        Degenerate: if there is one pattern only.
    """
    regions = distinct_patterns(np.sum(kernels, axis=0))
    if regions < 1.5:
        raise Degenerate("all samples share one linear region")
    return regions
