"""Expressivity: how evenly the features of each block fill their channels."""

from __future__ import annotations

import numpy as np

from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._spectral_entropy import feature_covariance, spectral_entropy

expressivity = Proxy(
    name="expressivity",
    reads="block_vjp",
    measure=feature_covariance,
    layer_score=spectral_entropy,
    reduce=np.sum,
    paper="Sum over blocks of the entropy of normalised feature eigenvalues. "
    "AZ-NAS, CVPR 2024, arXiv:2403.19232, eq. 2-4.",
)
