"""Gradient range: by how much gradients grow or vanish over depth."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import Degenerate
from zc_plugins.probes.task import WeightEvidence
from zc_plugins.proxies._proxy import Proxy


def root_mean_square(evidence: WeightEvidence) -> Tensor | None:
    """Of a weight matrix's gradient."""
    return evidence.gradient.square().mean().sqrt() if evidence.is_matrix else None


def decades(size: Float[ndarray, ""]) -> float:
    """Decimal logarithm of a gradient's size; NaN where none arrives.

    Raises:
        Degenerate: if the gradient is not finite.
    """
    if not np.isfinite(size):
        raise Degenerate("gradients are not finite")
    return float(np.log10(size)) if size > 0 else float("nan")


def decades_between(sizes: Float[ndarray, " layers"]) -> float:
    """From the smallest to the largest gradient that is not zero.

    Raises:
        Degenerate: if no layer gets a gradient.
    """
    if np.isnan(sizes).all():
        raise Degenerate("no layer gets a gradient")
    return float(np.nanmax(sizes) - np.nanmin(sizes))


gradient_range = Proxy(
    name="gradient_range",
    reads="task",
    measure=root_mean_square,
    layer_score=decades,
    reduce=decades_between,
    paper="Decades between the largest and the smallest root mean square of a weight matrix's "
    "gradient: vanishing or exploding gradients; a check, no ranking.",
    higher_is_better=False,
)
