"""How far scores may be trusted: their rank correlation with the accuracies of a study."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from zc_plugins._shapes import Float, ndarray
from zc_plugins.ensembles import Ensemble
from zc_plugins.ranking import kendall_tau
from zc_plugins.scores import ScoreTable

CONFIDENCE = 0.9
"""Mass of the intervals."""

FULL, NONE = (1 + CONFIDENCE) / 2, 0.9
"""Probability that tau is positive at which the scores have all their weight, and none.

Where the interval of 90 % reaches zero, and where that of 80 % does.
"""

ENOUGH, RESAMPLES = 10, 400
"""Trainings below which nothing is said of parameter count; bootstrap samples of the comparison."""


@dataclass(frozen=True)
class Belief:
    """A normal distribution of atanh(tau), tau being Kendall's with accuracy.

    Attributes:
        mean: of atanh(tau).
        deviation: its standard deviation.
        tau: that was observed; NaN without evidence.
        trained: networks that it was observed on; 0 for a prior.

    Example:
        >>> accuracy = np.array([10.0, 30.0, 20.0, 50.0, 40.0, 60.0])
        >>> belief = ENSEMBLE.after(np.arange(6.0), accuracy)
        >>> print(belief)
        tau 0.60, in 0.30 to 0.79 (90 %), 6 trained
    """

    mean: float
    deviation: float
    tau: float = math.nan
    trained: int = 0

    @property
    def estimate(self) -> float:
        """The median of tau."""
        return math.tanh(self.mean)

    @property
    def interval(self) -> tuple[float, float]:
        """The central credible interval of tau, of mass ``CONFIDENCE``."""
        half = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * self.deviation
        return math.tanh(self.mean - half), math.tanh(self.mean + half)

    @property
    def probability(self) -> float:
        """That tau is positive."""
        return float(stats.norm.cdf(self.mean / self.deviation))

    @property
    def weight(self) -> float:
        """Share of their say that the scores keep, in [0, 1].

        1 while the interval lies above zero; 0 once tau is positive with a probability of ``NONE``
        or less, which is where an interval of mass .8 reaches zero.
        """
        return min(1.0, max(0.0, (self.probability - NONE) / (FULL - NONE)))

    def after(
        self, scores: Float[ndarray, " candidates"], accuracy: Float[ndarray, " candidates"]
    ) -> Belief:
        """The posterior of this prior.

        The observed atanh(tau) is taken as normal, with the exact variance of tau among n unrelated
        pairs, 2 (2n + 5) / 9n (n - 1), which exists for every n; Fieller's .437 / (n - 4), close to
        it for many, does not for few. Drawn from the prior, 87 to 92 % of the true taus lie in the
        intervals of 90 % (3 to 50 candidates, 1,500 draws each). A tau of ±1 is drawn in by one
        pair. Fewer than 3 candidates, or equal scores, are no evidence.

        Args:
            scores: higher is better; NaN ranks last.
            accuracy: any unit; higher is better.

        References:
            Kendall, A new measure of rank correlation, Biometrika 1938; Fieller, Hartley and
            Pearson, Tests for rank correlation coefficients I, Biometrika 1957.
        """
        count = len(scores)
        if count < 3:
            return Belief(self.mean, self.deviation, math.nan, count)
        tau = kendall_tau(scores, accuracy)
        if math.isnan(tau):
            return Belief(self.mean, self.deviation, tau, count)
        most = 1 - 2 / (count * (count - 1))
        observed = math.atanh(min(most, max(-most, tau)))
        known = self.deviation**-2
        learned = 9 * count * (count - 1) / (2 * (2 * count + 5))
        mean = (known * self.mean + learned * observed) / (known + learned)
        return Belief(mean, (known + learned) ** -0.5, tau, count)

    def __str__(self) -> str:
        low, high = self.interval
        seen = f"tau {self.estimate:.2f}, in {low:.2f} to {high:.2f} ({CONFIDENCE:.0%})"
        return f"{seen.replace('%', ' %')}, {self.trained} trained"


ENSEMBLE, PROXY, PARAMS = Belief(0.506, 0.304), Belief(0.331, 0.411), Belief(0.509, 0.380)
"""Before anything is trained: what ``python -m benchmarks.prior`` reads off nine spaces' tables."""


@dataclass(frozen=True)
class Trust:
    """What finished trainings say of the scores.

    Attributes:
        ensemble: belief about the aggregate.
        proxies: about each proxy, by name.
        params: about parameter count; None where it is unknown.
        params_do_as_well: whether the ensemble's tau cannot be told from parameter count's, or is
            lower: the lower end of the paired bootstrap interval of the difference is not above
            zero. None with fewer than ``ENOUGH`` trainings, or where parameter count is unknown.
    """

    ensemble: Belief
    proxies: Mapping[str, Belief]
    params: Belief | None = None
    params_do_as_well: bool | None = None

    @property
    def sentence(self) -> str:
        """The finding in plain words."""
        low, high = self.ensemble.interval
        if math.isnan(self.ensemble.tau):
            return "Nothing that was trained tells the scores right or wrong yet."
        if low > 0 and self.params_do_as_well:
            return "The scores help here, but parameter count alone does as well."
        if low > 0:
            return "The scores help here."
        if high < 0:
            return "The scores mislead here, and are not followed."
        known = " Parameter count alone does as well." if self.params_do_as_well else ""
        return f"Whether the scores help here is open: they have {self._say} of their say.{known}"

    @property
    def _say(self) -> str:
        return f"{self.ensemble.weight:.0%}".replace("%", " %")

    def __str__(self) -> str:
        named = {"ensemble": self.ensemble, **self.proxies}
        if self.params is not None:
            named["params"] = self.params
        wide = max(map(len, named))
        lines = [f"{name:<{wide}}  {belief}" for name, belief in named.items()]
        return "\n".join([self.sentence, *lines])


def measured_trust(
    table: ScoreTable,
    accuracy: Float[ndarray, " candidates"],
    ensemble: Ensemble,
    params: Float[ndarray, " candidates"] | None = None,
    *,
    seed: int = 0,
) -> Trust:
    """Trust in a table's proxies and ensemble, from accuracies of its candidates.

    The candidates are those that were trained, and often those that the scores have picked; among
    them tau is nearer to zero than in the whole space.

    Args:
        table: scores of the trained.
        accuracy: of the trained, in any unit; higher is better.
        ensemble: ranks them among each other.
        params: their parameter counts.
        seed: of the bootstrap.
    """
    if len(table) == 0:
        return Trust(ENSEMBLE, dict.fromkeys(table.proxies, PROXY))
    numbers = ensemble(table)
    proxies = {
        name: PROXY.after(column, accuracy)
        for name, column in zip(table.proxies, table.oriented.T, strict=True)
    }
    believed = None if params is None else PARAMS.after(params, accuracy)
    as_well = None
    if params is not None and len(table) >= ENOUGH:
        as_well = _lead(numbers, params, accuracy, seed) <= 0
    return Trust(ENSEMBLE.after(numbers, accuracy), proxies, believed, as_well)


def _lead(scores: ndarray, rival: ndarray, accuracy: ndarray, seed: int) -> float:
    """Lower end of the paired bootstrap interval of tau's lead over the rival's tau."""
    rng = np.random.default_rng(seed)
    drawn = [
        kendall_tau(scores[rows], accuracy[rows]) - kendall_tau(rival[rows], accuracy[rows])
        for rows in rng.integers(0, len(scores), (RESAMPLES, len(scores)))
    ]
    # A resample in which all scores are equal has no tau, and no lead.
    return float(np.quantile(np.nan_to_num(drawn), (1 - CONFIDENCE) / 2))
