"""L2 norm of the initial weights."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from zc_plugins.probes.weights import InitialWeightEvidence
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._whole_network import as_float


def weight_norm(evidence: InitialWeightEvidence) -> Tensor:
    """L2 norm of a weight matrix."""
    norm: Tensor = torch.linalg.vector_norm(evidence.weight)
    return norm


l2_norm = Proxy(
    name="l2_norm",
    reads="weights",
    measure=weight_norm,
    layer_score=as_float,
    reduce=np.sum,
    paper="Sum over weight matrices of the L2 norm. "
    "Abdelfattah et al., ICLR 2021, arXiv:2101.08134.",
)
