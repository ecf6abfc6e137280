"""Gradient norm over all parameters at once, as Zen-NAS and AZ-NAS compare with."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from zc_plugins._shapes import Float, ndarray
from zc_plugins.probes.task import WeightEvidence
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._whole_network import as_float


def any_gradient_norm(evidence: WeightEvidence) -> Tensor:
    """L2 norm of a parameter's gradient: biases and normalisation too."""
    norm: Tensor = torch.linalg.vector_norm(evidence.gradient)
    return norm


def norm_of_norms(norms: Float[ndarray, " layers"]) -> float:
    """L2 norm of the norms."""
    return float(np.sqrt(np.square(norms).sum()))


grad_norm_global = Proxy(
    name="grad_norm_global",
    reads="task",
    measure=any_gradient_norm,
    layer_score=as_float,
    reduce=norm_of_norms,
    paper="L2 norm of the gradient over all parameters, biases and normalisation included. "
    "Lin et al., Zen-NAS, ICCV 2021, public code.",
)
