"""Trainable layers: their number, the simplest account of depth."""

from __future__ import annotations

import numpy as np

from zc_plugins.probes.weights import InitialWeightEvidence
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._whole_network import as_float


def one(evidence: InitialWeightEvidence) -> float:
    """Each weight matrix counts 1."""
    return 1.0


trainable_layers = Proxy(
    name="trainable_layers",
    reads="weights",
    measure=one,
    layer_score=as_float,
    reduce=np.sum,
    paper="Number of weight matrices, a baseline. Tybl and Neumann, VKDNW, arXiv:2502.04975.",
)
