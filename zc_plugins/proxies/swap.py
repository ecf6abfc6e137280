"""SWAP-Score: the number of different sample-wise activation patterns of units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import Degenerate
from zc_plugins.probes.activations import ActivationEvidence
from zc_plugins.proxies._proxy import Proxy

SAMPLES = 16
"""Of the batch: the public code's number; 2^16 patterns can be told apart."""

_BITS = 24
"""Flags that one float32 holds exactly."""


def patterns_met(evidence: ActivationEvidence) -> Tensor:
    """Which of the 2^samples patterns occur among the rectifier's units, 24 flags a number.

    A pattern is which of the first 16 samples switch the unit on. A table of flags needs no
    sorting, whose length the host would have to wait for.
    """
    active = evidence.active[:SAMPLES]
    powers = 2 ** torch.arange(len(active), device=active.device, dtype=torch.float32)
    codes = (powers @ active).long()
    size = -(-(2 ** len(active)) // _BITS) * _BITS
    flags = torch.zeros(size, device=active.device, dtype=torch.float32).scatter_(0, codes, 1.0)
    return flags.reshape(-1, _BITS) @ 2 ** torch.arange(
        _BITS, device=active.device, dtype=torch.float32
    )


def count_patterns(flags: Float[ndarray, " words"]) -> float:
    """Number of flags that are set."""
    return float(_unpacked(flags).sum())


def count_patterns_of_network(flags: Sequence[Float[ndarray, " words"]]) -> float:
    """Number of flags that are set for any rectifier.

    Raises:
        Degenerate: if no unit tells two samples apart.
    """
    met = np.logical_or.reduce([_unpacked(words) for words in flags])
    if not met[1:].any() or met.sum() == 1:
        raise Degenerate("all samples look alike to the rectifiers")
    return float(met.sum())


def _unpacked(flags: Float[ndarray, " words"]) -> ndarray:
    return (flags.astype(np.int64)[:, None] >> np.arange(_BITS) & 1).astype(bool).reshape(-1)


swap = Proxy(
    name="swap",
    reads="activations",
    measure=patterns_met,
    layer_score=count_patterns,
    reduce=np.sum,
    combine=count_patterns_of_network,
    paper="Number of distinct sample-wise patterns of units over 16 samples, not regularised. "
    "Peng et al., SWAP-NAS, ICLR 2024, arXiv:2403.04161.",
)
