"""Ranks and rank correlations, with confidence intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument


def ranks(
    values: Float[ndarray, " candidates"], among: Float[ndarray, " reference"] | None = None
) -> Float[ndarray, " candidates"]:
    """Ascending ranks scaled to (0, 1]: 1 is the best; ties share the mean; NaN stays NaN.

    Args:
        values: higher is better; infinities are ordinary values.
        among: a frozen population. Each value is then ranked alone, as one more member of it, so
            that its rank does not depend on the other values. NaN members are beaten by all.

    Returns:
        Rank divided by the size of the population.
    """
    values = np.asarray(values, dtype=np.float64)
    if among is None:
        finite = np.where(np.isnan(values), -np.inf, values)
        scaled = stats.rankdata(finite) / max(len(values), 1)
        return np.where(np.isnan(values), np.nan, scaled)
    among = np.asarray(among, dtype=np.float64)
    population = np.sort(np.where(np.isnan(among), -np.inf, among))
    below = np.searchsorted(population, values, side="left")
    not_above = np.searchsorted(population, values, side="right")
    # Positions below+1 .. not_above+1 are shared by the value and its equals.
    scaled = (below + not_above + 2) / 2 / (len(population) + 1)
    return np.where(np.isnan(values), np.nan, scaled)


@dataclass(frozen=True)
class Correlation:
    """A rank correlation in [-1, 1] and the interval that holds it with the given confidence."""

    value: float
    low: float
    high: float


def kendall_tau(
    scores: Float[ndarray, " candidates"], accuracy: Float[ndarray, " candidates"]
) -> float:
    """Kendall's tau-b between scores and accuracies, in [-1, 1]; a NaN score ranks last.

    Raises:
        InvalidArgument: if the lengths differ or fewer than two candidates are given.
    """
    return float(stats.kendalltau(*_paired(scores, accuracy)).statistic)


def spearman_rho(
    scores: Float[ndarray, " candidates"], accuracy: Float[ndarray, " candidates"]
) -> float:
    """Spearman's rho between scores and accuracies, in [-1, 1]; a NaN score ranks last.

    NaN, as Kendall's tau is, where all scores or all accuracies are equal.

    Raises:
        InvalidArgument: if the lengths differ or fewer than two candidates are given.
    """
    scores, accuracy = _paired(scores, accuracy)
    if (scores == scores[0]).all() or (accuracy == accuracy[0]).all():
        return float("nan")
    return float(stats.spearmanr(stats.rankdata(scores), accuracy).statistic)


def bootstrap(
    statistic: Callable[[ndarray, ndarray], float],
    scores: Float[ndarray, " candidates"],
    accuracy: Float[ndarray, " candidates"],
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Correlation:
    """A rank correlation with its percentile bootstrap interval over candidates.

    Args:
        statistic: ``kendall_tau`` or ``spearman_rho``.
        scores: higher is better; NaN ranks last.
        accuracy: any unit; higher is better.
        confidence: mass of the interval, in (0, 1).
        resamples: number of bootstrap samples.
        seed: of the resampling.

    Returns:
        With an interval of NaN where no resample has a correlation.
    """
    if not 0 < confidence < 1:
        raise InvalidArgument(f"confidence must lie in (0, 1), got {confidence}: pass 0.95")
    scores, accuracy = _paired(scores, accuracy)
    rng = np.random.default_rng(seed)
    drawn = [
        statistic(scores[rows], accuracy[rows])
        for rows in rng.integers(0, len(scores), (resamples, len(scores)))
    ]
    defined = [value for value in drawn if not np.isnan(value)] or [np.nan]
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Correlation(statistic(scores, accuracy), float(low), float(high))


def _paired(scores: ndarray, accuracy: ndarray) -> tuple[ndarray, ndarray]:
    scores, accuracy = np.asarray(scores, np.float64), np.asarray(accuracy, np.float64)
    if scores.shape != accuracy.shape or scores.ndim != 1 or len(scores) < 2:
        raise InvalidArgument(
            f"scores and accuracy must be vectors of one length of at least 2, "
            f"got shapes {scores.shape} and {accuracy.shape}"
        )
    return np.where(np.isnan(scores), -np.inf, scores), accuracy
