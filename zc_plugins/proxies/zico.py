"""ZiCo: gradients that are large and alike from batch to batch."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import Degenerate
from zc_plugins.probes.two_tasks import TwoGradientsEvidence
from zc_plugins.proxies._proxy import Proxy


def coherence(evidence: TwoGradientsEvidence) -> Tensor:
    """Sum over weights of the mean absolute gradient over its standard deviation, of two batches.

    With two batches that is (|a| + |b|) / |a - b|; weights whose gradients are equal do not count.
    The sum has heavy tails: float32 and float64 differ by half a percent.
    """
    if evidence.gradients is None:
        return evidence.weight.new_zeros(())
    a, b = evidence.gradients
    apart = (a - b).abs()
    ratio = (a.abs() + b.abs()) / apart
    return ratio.where(apart != 0, 0.0).sum()


def log_or_zero(number: Float[ndarray, ""]) -> float:
    """Logarithm; a layer without gradients adds nothing, as in the public code.

    Raises:
        Degenerate: if a gradient is not finite.
    """
    require_finite(number)
    return float(np.log(number)) if number > 0 else 0.0


def require_finite(number: Float[ndarray, "..."]) -> None:
    """Refuse what a gradient that is not finite makes of the sum.

    Raises:
        Degenerate: always then.
    """
    if not np.isfinite(number).all():
        raise Degenerate("gradients are not finite")


def total(logarithms: Float[ndarray, " layers"]) -> float:
    """Sum over layers.

    Raises:
        Degenerate: if no layer gets a gradient.
    """
    if not logarithms.any():
        raise Degenerate("no layer gets a gradient")
    return float(logarithms.sum())


zico = Proxy(
    name="zico",
    reads="two_tasks",
    measure=coherence,
    layer_score=log_or_zero,
    reduce=total,
    paper="Sum over weight matrices of log sum mean|g| / std|g| over two batches. "
    "Li et al., ZiCo, ICLR 2023, arXiv:2301.11300, eq. 15.",
)
