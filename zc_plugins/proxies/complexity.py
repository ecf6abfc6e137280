"""Complexity: multiply-adds as a proxy."""

from __future__ import annotations

from zc_plugins.probes.cost import CostEvidence
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._whole_network import as_float, only


def count_flops(evidence: CostEvidence) -> int:
    """Multiply-adds per sample."""
    return evidence.flops


complexity = Proxy(
    name="complexity",
    reads="cost",
    measure=count_flops,
    layer_score=as_float,
    reduce=only,
    paper="Multiply-adds per sample. AZ-NAS, CVPR 2024, arXiv:2403.19232, section 3.3.",
)
