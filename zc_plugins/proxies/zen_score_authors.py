"""Zen-Score as its authors' code computes it: with the running variance after two batches."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from zc_plugins.probes.zen import ChangeEvidence, NormalisationEvidence
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies.zen_score import log_positive


def change_or_running_deviation(evidence: ChangeEvidence | NormalisationEvidence) -> Tensor:
    """The change; of a batch normalisation the root of its mean running variance.

    From 1, after two updates of momentum 0.1: 0.81 + 0.09 v1 + 0.1 v2. A hidden penalty of about
    0.83 for each normalisation. Other than in the public code, always from 1, so that a second call
    gives the same number.
    """
    if isinstance(evidence, ChangeEvidence):
        return evidence.change
    first, second = evidence.variances.unbind()
    return (0.81 + 0.09 * first + 0.1 * second).mean().sqrt()


zen_score_authors = Proxy(
    name="zen_score_authors",
    reads="zen",
    measure=change_or_running_deviation,
    layer_score=log_positive,
    reduce=np.sum,
    paper="Zen-Score with the running variance after two batches in place of the batch variance. "
    "Lin et al., Zen-NAS, ICCV 2021, public code.",
)
