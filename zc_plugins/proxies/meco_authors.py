"""MeCo as its authors' code computes it: every module counts, containers too."""

from __future__ import annotations

from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies.meco import channel_correlation, smallest_eigenvalue, total

meco_authors = Proxy(
    name="meco_authors",
    reads="module_outputs",
    measure=channel_correlation,
    layer_score=smallest_eigenvalue,
    reduce=total,
    paper="MeCo over all modules, so that it depends on how they are nested. "
    "Jiang et al., NeurIPS 2023, public code.",
)
