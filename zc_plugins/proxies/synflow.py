"""SynFlow, as its logarithm: the flow of signal through absolute weights."""

from __future__ import annotations

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import Degenerate
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._weight_norms import saliency
from zc_plugins.proxies._whole_network import as_float


def log_total(flows: Float[ndarray, " layers"]) -> float:
    """Natural logarithm of the sum over layers.

    Raises:
        Degenerate: if nothing flows.
    """
    total = flows.sum()
    if not total > 0:
        raise Degenerate("no signal flows from the input to the output (dead or disconnected)")
    return float(np.log(total))


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
