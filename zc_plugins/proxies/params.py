"""Parameter count as a proxy: the baseline that every other one has to beat."""

from __future__ import annotations

from zc_plugins.probes.cost import CostEvidence
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._whole_network import as_float, only


def count_params(evidence: CostEvidence) -> int:
    """Number of parameters."""
    return evidence.params


params = Proxy(
    name="params",
    reads="cost",
    measure=count_params,
    layer_score=as_float,
    reduce=only,
    paper="Number of parameters.",
)
