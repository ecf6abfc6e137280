"""Jacobian covariance: how independent the samples' input gradients are."""

from __future__ import annotations

from zc_plugins.proxies._input_gradients import correlation, spectrum_score
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._whole_network import only

jacov = Proxy(
    name="jacov",
    reads="jacobian",
    measure=correlation,
    layer_score=spectrum_score,
    reduce=only,
    paper="-sum(log(v + 1e-5) + 1 / (v + 1e-5)), v the eigenvalues of the correlation between "
    "samples' input gradients. Mellor et al. 2020, arXiv:2006.04647v1; "
    "Abdelfattah et al., ICLR 2021, arXiv:2101.08134.",
)
