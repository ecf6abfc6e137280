"""SNIP: how much the loss hangs on each weight."""

from __future__ import annotations

import numpy as np

from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._weight_norms import saliency
from zc_plugins.proxies._whole_network import as_float

snip = Proxy(
    name="snip",
    reads="task",
    measure=saliency,
    layer_score=as_float,
    reduce=np.sum,
    paper="Sum of |weight x gradient|. Lee et al., SNIP, ICLR 2019, arXiv:1810.02340; as a proxy "
    "Abdelfattah et al., ICLR 2021, arXiv:2101.08134.",
)
