"""VKDNW: how evenly the Fisher information spreads over the weights."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import Degenerate
from zc_plugins.probes.logit_jacobian import FisherEvidence
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._whole_network import only


def fisher_information(evidence: FisherEvidence) -> Tensor:
    """At one weight a layer, of shape (weights, weights)."""
    return evidence.information


def decile_entropy(information: Float[ndarray, "weights weights"]) -> float:
    """Entropy in nats of the normalised deciles 0.1 to 0.9 of the eigenvalues: at most log 9.

    Raises:
        Degenerate: if the information is zero or not finite.
    """
    if not np.isfinite(information).all() or not information.any():
        raise Degenerate("the Fisher information is zero or not finite")
    eigenvalues = np.linalg.eigvalsh(information).clip(min=0)
    deciles = np.quantile(eigenvalues, np.arange(1, 10) / 10)
    if not deciles.sum() > 0:
        raise Degenerate("nine tenths of the Fisher information's eigenvalues are zero")
    share = deciles / deciles.sum()
    positive = share[share > 0]
    return float(-(positive * np.log(positive)).sum())


vkdnw = Proxy(
    name="vkdnw",
    reads="logit_jacobian",
    measure=fisher_information,
    layer_score=decile_entropy,
    reduce=only,
    paper="Entropy of the normalised deciles of the eigenvalues of the Fisher information at one "
    "weight a layer. Tybl and Neumann, VKDNW, arXiv:2502.04975. The public code does not run "
    "under current torch; weights are chosen at random here.",
)
