"""ZiCo-BC: ZiCo less its liking for thin layers on large feature maps."""

from __future__ import annotations

import numpy as np
from torch import Tensor, stack

from zc_plugins._shapes import Float, ndarray
from zc_plugins.probes.two_tasks import TwoGradientsEvidence
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies.zico import coherence, require_finite, total

BETA = 1.0
"""Weight of the correction."""


def coherence_and_size(evidence: TwoGradientsEvidence) -> Tensor:
    """ZiCo's sum, and positions / sqrt(channels) of the layer's output."""
    size = evidence.positions / evidence.channels**0.5
    number = coherence(evidence)
    return stack([number, number.new_full((), size)])


def corrected_log(numbers: Float[ndarray, " 2"]) -> float:
    """log ZiCo - beta log(positions / sqrt(channels)); a layer without gradients adds nothing.

    Raises:
        Degenerate: if a gradient is not finite.
    """
    require_finite(numbers)
    number, size = numbers
    return float(np.log(number) - BETA * np.log(size)) if number > 0 else 0.0


zico_bc = Proxy(
    name="zico_bc",
    reads="two_tasks",
    measure=coherence_and_size,
    layer_score=corrected_log,
    reduce=total,
    paper="ZiCo with each layer's term less log(height x width / sqrt(channels)) of its output. "
    "Bhardwaj et al., ZiCo-BC, ICCVW 2023, arXiv:2309.14666. No public code is known.",
)
