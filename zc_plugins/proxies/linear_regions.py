"""Linear regions: the number of different activation patterns in the batch."""

from __future__ import annotations

import numpy as np

from zc_plugins.proxies._activation_patterns import (
    agreement,
    distinct_patterns,
    distinct_patterns_of_network,
)
from zc_plugins.proxies._proxy import Proxy

linear_regions = Proxy(
    name="linear_regions",
    reads="activations",
    measure=agreement,
    layer_score=distinct_patterns,
    reduce=np.max,
    combine=distinct_patterns_of_network,
    paper="Number of distinct activation patterns of the batch; at most the batch size, which "
    "whole images always reach: give a thousand inputs of a few pixels, as TE-NAS did. "
    "Chen et al., TE-NAS, ICLR 2021, arXiv:2102.11535, section 3.1.2.",
)
