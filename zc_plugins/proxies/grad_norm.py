"""Gradient norm: L2 of each weight matrix's gradient, summed."""

from __future__ import annotations

import numpy as np

from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._weight_norms import gradient_norm
from zc_plugins.proxies._whole_network import as_float

grad_norm = Proxy(
    name="grad_norm",
    reads="task",
    measure=gradient_norm,
    layer_score=as_float,
    reduce=np.sum,
    paper="Sum over weight matrices of the gradient's L2 norm. "
    "Abdelfattah et al., ICLR 2021, arXiv:2101.08134. For one norm over all parameters: "
    "grad_norm_global.",
)
