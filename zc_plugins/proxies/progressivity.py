"""Progressivity: the least gain of expressivity from one block to the next."""

from __future__ import annotations

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import Unscorable
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._spectral_entropy import feature_covariance, spectral_entropy


def least_gain(entropies: Float[ndarray, " layers"]) -> float:
    """Smallest difference between neighbouring blocks' entropies.

    Raises:
        Unscorable: with fewer than two blocks.
    """
    if len(entropies) < 2:
        raise Unscorable(f"needs two blocks or more, found {len(entropies)}")
    return float(np.diff(entropies).min())


progressivity = Proxy(
    name="progressivity",
    reads="block_vjp",
    measure=feature_covariance,
    layer_score=spectral_entropy,
    reduce=least_gain,
    paper="Minimum over blocks of the entropy's increase. "
    "AZ-NAS, CVPR 2024, arXiv:2403.19232, eq. 5.",
)
