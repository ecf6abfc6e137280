"""GradSign: how often the samples' gradients point the same way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor, stack

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import Degenerate, Unscorable
from zc_plugins.probes.sample_gradients import SampleGradientEvidence
from zc_plugins.proxies._proxy import Proxy


def agreement_and_count(evidence: SampleGradientEvidence) -> Tensor:
    """Sum over a weight matrix's entries of |sum of signs|, and their number."""
    total = evidence.signs.abs().sum()
    return stack([total, total.new_full((), float(evidence.signs.numel()))])


def mean_agreement(numbers: Float[ndarray, " 2"]) -> float:
    """Mean over the entries of one weight matrix.

    Raises:
        Unscorable: if the gradients are nothing but rounding.
        Degenerate: if a gradient is not finite.
    """
    if np.isnan(numbers[0]):
        raise Degenerate("gradients are not finite")
    if np.isinf(numbers[0]):
        raise Unscorable("the gradients of single samples are zero up to rounding")
    return float(numbers[0] / numbers[1]) if numbers[1] else float("nan")


def mean_agreement_of_network(numbers: Sequence[Float[ndarray, " 2"]]) -> float:
    """Mean over all entries."""
    return mean_agreement(np.sum(numbers, axis=0))


gradsign = Proxy(
    name="gradsign",
    reads="sample_gradients",
    measure=agreement_and_count,
    layer_score=mean_agreement,
    reduce=np.mean,
    combine=mean_agreement_of_network,
    paper="Mean over parameters of |sum over samples of sign(gradient)|. "
    "Zhang and Jia, GradSign, ICLR 2022, arXiv:2110.08616.",
)
