"""You will see a proxy of your own beside NASWOT: how evenly the signal keeps its size over depth.

Install the folder (`pip install .`) to have it on the shelf by its name, on the command line too.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from zc_plugins import Excitation, Scorer
from zc_plugins.errors import Degenerate
from zc_plugins.probes.block_vjp import BlockEvidence
from zc_plugins.proxies import Proxy


def size(evidence: BlockEvidence) -> Tensor:
    """Root mean square of a block's output: evidence in, one small tensor on its device out."""
    return evidence.feature.square().mean().sqrt()


def log_size(statistic: np.ndarray) -> float:
    """That tensor, as float64 on the host, to the block's number; without one, say why."""
    if not 0 < statistic < np.inf:
        raise Degenerate(f"the signal's size is {statistic}")
    return float(np.log(statistic))


signal_stability = Proxy(
    name="signal_stability",
    reads="block_vjp",  # shares that pass with every other proxy that reads it
    measure=size,
    layer_score=log_size,
    reduce=lambda sizes: -float(np.std(sizes)),
    paper="Minus the spread over blocks of the logarithm of the output's size. An example.",
)

if __name__ == "__main__":
    from zc_plugins.testing import check_proxy

    check_proxy(signal_stability)
    layers = [nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU()]
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
    table = Scorer([signal_stability, "naswot"], Excitation((3, 16, 16))).score([network])
    print(table.records()[0])
