"""Zen-Score: a Gaussian network's sensitivity to its input, normalisation undone."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import Degenerate
from zc_plugins.probes.zen import ChangeEvidence, NormalisationEvidence
from zc_plugins.proxies._proxy import Proxy


def change_or_deviation(evidence: ChangeEvidence | NormalisationEvidence) -> Tensor:
    """The feature map's change; of a batch normalisation the root of its mean batch variance."""
    if isinstance(evidence, ChangeEvidence):
        return evidence.change
    return evidence.variances[0].mean().sqrt()


def log_positive(number: Float[ndarray, ""]) -> float:
    """Natural logarithm.

    Raises:
        Degenerate: if the number is not positive and finite.
    """
    if not 0 < number < np.inf:
        raise Degenerate(f"change or variance is {float(number)} (dead, or not finite)")
    return float(np.log(number))


zen_score = Proxy(
    name="zen_score",
    reads="zen",
    measure=change_or_deviation,
    layer_score=log_positive,
    reduce=np.sum,
    paper="log of the feature map's change under a small change of the input, plus the sum over "
    "batch normalisations of log sqrt(mean batch variance). Lin et al., Zen-NAS, ICCV 2021, "
    "arXiv:2102.01063, eq. 5. The authors' code takes the running variance instead: "
    "see zen_score_authors.",
)
