"""Plain: weight times gradient, with its sign."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from zc_plugins.probes.task import WeightEvidence
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._whole_network import as_float


def signed_saliency(evidence: WeightEvidence) -> Tensor | None:
    """Sum of weight x gradient over a weight matrix."""
    return (evidence.weight * evidence.gradient).sum() if evidence.is_matrix else None


plain = Proxy(
    name="plain",
    reads="task",
    measure=signed_saliency,
    layer_score=as_float,
    reduce=np.sum,
    paper="Sum of weight x gradient. Abdelfattah et al., ICLR 2021, arXiv:2101.08134.",
)
