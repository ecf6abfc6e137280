"""A training-free score, put on the scale of accuracies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.ensembles import SHELF as ENSEMBLES
from zc_plugins.predictors._normal_scores import NormalScores
from zc_plugins.predictors._predictor import Fitted, Prediction, Predictor
from zc_plugins.predictors._spread import Guess, Spread
from zc_plugins.predictors._training import of_the_live, training_set
from zc_plugins.scores import ScoreTable

Score = Callable[[ScoreTable, ScoreTable], Float[ndarray, " candidates"]]
"""A table and the training set in, one number a candidate out; higher is better."""


def training_free(
    score: str | Score = "az_rank", *, population: ScoreTable | None = None
) -> Predictor:
    """The baseline of all predictors: the order is the score's, whatever the trained show.

    The trained tell scale and uncertainty only: the expected normal score of an accuracy is the
    correlation times that of the score's rank, where the correlation is positive.

    Args:
        score: an ensemble's name, a proxy's, or a function of a table and the training set.
        population: unlabelled candidates among which scores are ranked, in place of the training
            set: few make few ranks.

    Example:
        >>> table = ScoreTable("abcdef", [[1], [2], [3], [4], [5], [6]], ["synflow"])
        >>> accuracy = np.array([10.0, 30.0, 20.0, 60.0, 40.0, 50.0])
        >>> fitted = training_free("synflow").fit(table, accuracy)
        >>> bool(fitted.predict(table).mean.argmax() == 5)
        True
    """
    return TrainingFree(score, population)


@dataclass(frozen=True, eq=False)
class TrainingFree:
    """See ``training_free``."""

    score: str | Score
    population: ScoreTable | None

    def fit(self, table: ScoreTable, accuracy: Float[ndarray, " candidates"]) -> Fitted:
        """See ``Predictor``."""
        table, accuracy = training_set(table, accuracy)
        among = table if self.population is None else self.population
        score, labels = _function(self.score), NormalScores.of(accuracy)
        numbers = score(among, among)
        readable = numbers[np.isfinite(numbers)]
        order = NormalScores.of(readable if len(readable) else np.zeros(1))
        trend = _Trend(score, among, order)
        seen, target = trend(table), labels.to(accuracy)
        slope = max(float(seen @ target) / max(float(seen @ seen), 1e-9), 1e-6)
        # One slope learns next to nothing by heart: the trained tell how far off it is.
        return _Scaled(trend, labels, slope, Spread.of(_guess(slope * seen), target))


@dataclass(frozen=True, eq=False)
class _Trend:
    """A score's order.

    Attributes:
        score: in the order of merit.
        among: the candidates that it is ranked in.
        order: between the score's numbers and normal scores.
    """

    score: Score
    among: ScoreTable
    order: NormalScores

    def __call__(self, table: ScoreTable) -> Float[ndarray, " candidates"]:
        """Normal scores of the numbers; a candidate without one stands last."""
        numbers = self.score(table, self.among)
        scores = self.order.to(np.nan_to_num(numbers, nan=0.0, neginf=0.0))
        last = float(self.order.scores[0]) - 1.0
        return np.where(np.isfinite(numbers), scores, np.minimum(last, scores.min(initial=last)))


@dataclass(frozen=True, eq=False)
class _Scaled:
    """A score's order with a slope.

    Attributes:
        trend: the order.
        labels: between accuracies and normal scores.
        slope: expected normal score of an accuracy for one of the score.
        spread: learned from how far the trained were off.
    """

    trend: _Trend
    labels: NormalScores
    slope: float
    spread: Spread

    def predict(self, table: ScoreTable) -> Prediction:
        """See ``Fitted``."""
        if not len(table):
            return Prediction(np.empty(0), np.empty(0))
        guess = _guess(self.slope * self.trend(table))
        return of_the_live(table, self.labels.back(guess.mean, self.spread(guess)))


def _guess(mean: Float[ndarray, " candidates"]) -> Guess:
    return Guess(mean, np.ones(len(mean)))


def _function(score: str | Score) -> Score:
    if not isinstance(score, str):
        return score
    if score in set(ENSEMBLES):
        return ENSEMBLES[score]
    return lambda table, _: table.only([score]).oriented[:, 0]
