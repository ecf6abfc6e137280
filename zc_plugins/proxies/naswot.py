"""NASWOT: how well the rectifiers tell samples apart."""

from __future__ import annotations

import numpy as np

from zc_plugins.proxies._activation_patterns import (
    agreement,
    layer_log_determinant,
    log_determinant_of_sum,
)
from zc_plugins.proxies._proxy import Proxy

naswot = Proxy(
    name="naswot",
    reads="activations",
    measure=agreement,
    layer_score=layer_log_determinant,
    reduce=np.sum,
    combine=log_determinant_of_sum,
    paper="log |K|, K the number of units that two samples switch alike, summed over rectifiers. "
    "Mellor et al., Neural Architecture Search without Training, ICML 2021, arXiv:2006.04647.",
)
