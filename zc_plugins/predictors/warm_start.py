"""A predictor that begins with what was learned on another data set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument
from zc_plugins.predictors._normal_scores import NormalScores
from zc_plugins.predictors._predictor import Fitted, Prediction, Predictor
from zc_plugins.predictors._training import FEWEST, of_the_live, training_set
from zc_plugins.predictors._translated import Translated
from zc_plugins.scores import ScoreTable

SLOPE, BELIEF = 0.8, 5.0
"""Expected normal score of an accuracy here for one foretold, before anything is trained here, and
how many trainings it takes to weigh as much as that expectation."""

FEWEST_HERE = 2
"""Trainings that tell the unit of the accuracies."""


def warm_start(
    elsewhere: Fitted,
    here: Predictor,
    *,
    there: ScoreTable | None = None,
    population: ScoreTable | None = None,
) -> Predictor:
    """Follows a predictor fitted elsewhere, and learns where the trainings here depart from it.

    The normal score of an accuracy is a slope times that of what ``elsewhere`` foretells, and a
    rest that ``here`` learns. Two trainings tell the unit. Until they are enough for ``here``, the
    order is that of ``elsewhere``, and the rest as wide as the slope leaves it; so in a search
    (``FilterThenTrainSampler(predictor=)`` and the like) what was learned elsewhere takes the
    scores' place from the second training on.

    Args:
        elsewhere: fitted on another data set, or on another space with the same columns; its unit
            does not matter, its order does.
        here: learns the rest.
        there: where scores there are of another size, as in another space: candidates of it, e.g.
            those that ``elsewhere`` was fitted on. Each score here is then read as the one of the
            same rank there. ``elsewhere`` must read these scores only, no layers and parameters.
        population: unlabelled candidates of this space, with ``there``.

    Returns:
        A predictor whose standard deviation is that of the rest.

    Raises:
        InvalidArgument: if only one of ``there`` and ``population`` is passed, or a proxy of
            ``there`` has no score in one of them.

    References:
        Kennedy and O'Hagan, Predicting the output from a complex computer code when fast
        approximations are available, Biometrika 2000: the trend and the rest.

    Example:
        >>> from zc_plugins.predictors.ridge import ridge
        >>> table = ScoreTable("abcdef", [[1], [2], [3], [4], [5], [6]])
        >>> there = ridge().fit(table, np.array([10.0, 30.0, 20.0, 40.0, 60.0, 50.0]))
        >>> few = np.array([1.0, 3.0, 2.0, 4.0, 5.0])
        >>> fitted = warm_start(there, ridge()).fit(table.rows([0, 1, 2, 3, 4]), few)
        >>> bool(fitted.predict(table).mean.argmax() == 5)
        True
    """
    if (there is None) != (population is None):
        raise InvalidArgument("there and population belong together: pass both or neither")
    if there is not None and population is not None:
        elsewhere = Translated(elsewhere, there, population)
    return WarmStart(elsewhere, here)


@dataclass(frozen=True, eq=False)
class WarmStart:
    """See ``warm_start``."""

    elsewhere: Fitted
    here: Predictor

    def fit(self, table: ScoreTable, accuracy: Float[ndarray, " candidates"]) -> Fitted:
        """See ``Predictor``."""
        table, accuracy = training_set(table, accuracy, FEWEST_HERE)
        labels = NormalScores.of(accuracy)
        foretold = self.elsewhere.predict(table).mean
        readable = foretold[np.isfinite(foretold)]
        order = NormalScores.of(readable if len(readable) else np.zeros(1))
        target, trend = labels.to(accuracy), _trend(foretold, order)
        slope = float((BELIEF * SLOPE + trend @ target) / (BELIEF + trend @ trend))
        rest = self._rest(table, target - slope * trend)
        return _Corrected(self.elsewhere, order, slope, rest, labels)

    def _rest(self, table: ScoreTable, rest: Float[ndarray, " candidates"]) -> Fitted:
        try:
            return self.here.fit(table, rest)
        except InvalidArgument:
            if len(table) >= FEWEST:
                raise
            return _Unknown()


@dataclass(frozen=True)
class _Unknown:
    """A rest of which nothing was learned."""

    def predict(self, table: ScoreTable) -> Prediction:
        """See ``Fitted``."""
        std = np.full(len(table), np.sqrt(1 - SLOPE**2))
        return of_the_live(table, Prediction(np.zeros(len(table)), std))


@dataclass(frozen=True, eq=False)
class _Corrected:
    """A trend and the rest.

    Attributes:
        elsewhere: foretells the trend.
        order: between what it foretells and normal scores among those trained here.
        slope: expected normal score of an accuracy here for one of the trend.
        rest: foretells normal scores less the trend.
        labels: between accuracies here and normal scores.
    """

    elsewhere: Fitted
    order: NormalScores
    slope: float
    rest: Fitted
    labels: NormalScores

    def predict(self, table: ScoreTable) -> Prediction:
        """See ``Fitted``."""
        if not len(table):
            return Prediction(np.empty(0), np.empty(0))
        mean, std = self.rest.predict(table)
        trend = _trend(self.elsewhere.predict(table).mean, self.order)
        mean = np.where(np.isfinite(mean), mean, 0.0) + self.slope * trend
        return of_the_live(table, self.labels.back(mean, std))


def _trend(
    foretold: Float[ndarray, " candidates"], order: NormalScores
) -> Float[ndarray, " candidates"]:
    # Of what nothing was said elsewhere, the middle is expected.
    known = np.isfinite(foretold)
    return np.where(known, order.to(np.where(known, foretold, 0.0)), 0.0)
