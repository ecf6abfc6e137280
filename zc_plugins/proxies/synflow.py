"""SynFlow, as its logarithm: the flow of signal through absolute weights."""

from __future__ import annotations

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import Degenerate, Unscorable
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._weight_norms import saliency
from zc_plugins.proxies._whole_network import as_float


def log_total(flows: Float[ndarray, " layers"]) -> float:
    """Natural logarithm of the sum over layers.

    Raises:
        Degenerate: if nothing flows.
        Unscorable: if a layer's flow is beyond float64, as in very deep transformers.
    """
    if not np.isfinite(flows).all():
        raise Unscorable("the flow through absolute weights is beyond float64")
    largest = flows.max(initial=0.0)
    if largest <= 0:
        raise Degenerate("no signal flows from the input to the output (dead or disconnected)")
    # Layers may be finite where their sum is not.
    return float(np.log(largest) + np.log((flows / largest).sum()))


synflow = Proxy(
    name="synflow",
    reads="synflow",
    measure=saliency,
    layer_score=as_float,
    reduce=log_total,
    paper="log of the sum of |weight x gradient| of the summed output, absolute weights, input of "
    "ones, no normalisation. Tanaka et al., NeurIPS 2020, arXiv:2006.05467; the logarithm, which "
    "keeps the order, since raw values reach 1e60.",
)
