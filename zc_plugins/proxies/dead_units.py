"""Dead units: the share that no sample of the batch switches on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor, stack

from zc_plugins._shapes import Float, ndarray
from zc_plugins.probes.activations import ActivationEvidence
from zc_plugins.proxies._proxy import Proxy


def dead_and_all(evidence: ActivationEvidence) -> Tensor:
    """Number of units (positions count apart) that stay off for the whole batch, and of all."""
    off = 1 - evidence.active.amax(0)
    return stack([off.sum(), off.new_full((), float(off.numel()))])


def dead_share(counts: Float[ndarray, " 2"]) -> float:
    """Share in [0, 1] of one rectifier."""
    return float(counts[0] / counts[1])


def dead_share_of_network(counts: Sequence[Float[ndarray, " 2"]]) -> float:
    """Share in [0, 1] of all rectifiers."""
    return dead_share(np.sum(counts, axis=0))


dead_units = Proxy(
    name="dead_units",
    reads="activations",
    measure=dead_and_all,
    layer_score=dead_share,
    reduce=np.mean,
    combine=dead_share_of_network,
    paper="Share of rectifier units that no sample of the batch switches on; a check, no ranking.",
    higher_is_better=False,
)
