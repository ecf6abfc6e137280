"""GraSP: what removing each weight would do to the gradient flow."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from zc_plugins.probes.hessian import HessianEvidence
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._whole_network import as_float


def gradient_flow(evidence: HessianEvidence) -> Tensor:
    """-weight . (Hessian gradient) of a weight matrix.

    The public code differentiates g.detach() . g, so that no factor 2 appears.
    """
    return -(evidence.weight * evidence.hessian_gradient).sum()


grasp = Proxy(
    name="grasp",
    reads="hessian",
    measure=gradient_flow,
    layer_score=as_float,
    reduce=np.sum,
    paper="-W . (H g). Wang et al., GraSP, ICLR 2020, arXiv:2002.07376; as a proxy "
    "Abdelfattah et al., ICLR 2021, arXiv:2101.08134.",
)
