"""Ridge regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.predictors._columns import Joined, joined, require_kinds
from zc_plugins.predictors._normal_scores import NormalScores
from zc_plugins.predictors._predictor import Fitted, Prediction, Predictor
from zc_plugins.predictors._training import of_the_live, training_set
from zc_plugins.scores import ScoreTable

PENALTIES = np.logspace(-3, 3, 13)
"""Among which leaving one out chooses, per trained candidate and column."""


def ridge(reads: Sequence[str] = ("scores",)) -> Predictor:
    """A linear trend in standardised columns, of the penalty with the least leave-one-out error.

    It learns the normal scores of the accuracies' ranks.

    Args:
        reads: ``"scores"`` (normal scores of the proxies' ranks), ``"layers"`` (summaries of their
            vectors over layers), ``"parameters"`` (one-hot) and ``"graph"`` (paths and degrees of a
            cell), one or more.

    Returns:
        A predictor of Student's interval without its tails: as wide as the left-out errors.

    Raises:
        InvalidArgument: if a kind of column is unknown.

    Example:
        >>> table = ScoreTable("abcdef", [[1], [2], [3], [4], [5], [6]])
        >>> fitted = ridge().fit(table, np.array([10.0, 30.0, 20.0, 40.0, 60.0, 50.0]))
        >>> bool(fitted.predict(table).mean.argmax() == 5)
        True
    """
    require_kinds(reads)
    return Ridge(tuple(reads))


@dataclass(frozen=True)
class Ridge:
    """See ``ridge``."""

    reads: tuple[str, ...]

    def fit(self, table: ScoreTable, accuracy: Float[ndarray, " candidates"]) -> Fitted:
        """See ``Predictor``."""
        table, accuracy = training_set(table, accuracy)
        columns = joined(table, self.reads)
        labels = NormalScores.of(accuracy)
        target = labels.to(accuracy)
        centre = float(target.mean())
        left, singular, right = np.linalg.svd(columns.matrix(table), full_matrices=False)
        along = left.T @ (target - centre)
        best = (np.inf, 0.0)
        for penalty in PENALTIES * len(table):
            shrunk = singular**2 / (singular**2 + penalty)
            # The intercept takes its share of each candidate's own label too.
            leverage = (left**2) @ shrunk + 1 / len(table)
            errors = (target - centre - left @ (shrunk * along)) / np.maximum(1 - leverage, 1e-3)
            best = min(best, (float(np.mean(errors**2)), float(penalty)))
        error, penalty = best
        coefficients = right.T @ (singular / (singular**2 + penalty) * along)
        spread = (right.T / np.sqrt(singular**2 + penalty)).T
        return _Trend(columns, labels, coefficients, centre, spread, error)


@dataclass(frozen=True, eq=False)
class _Trend:
    """Coefficients of standardised columns.

    Attributes:
        columns: of the training set.
        labels: between accuracies and normal scores.
        coefficients: shape (columns,).
        centre: mean normal score.
        spread: shape (directions, columns), a square root of the coefficients' covariance.
        error: mean square that leaving one out showed.
    """

    columns: Joined
    labels: NormalScores
    coefficients: ndarray
    centre: float
    spread: ndarray
    error: float

    def predict(self, table: ScoreTable) -> Prediction:
        """See ``Fitted``."""
        if not len(table):
            return Prediction(np.empty(0), np.empty(0))
        numbers = self.columns.matrix(table)
        mean = self.centre + numbers @ self.coefficients
        far = ((numbers @ self.spread.T) ** 2).sum(axis=1)
        return of_the_live(table, self.labels.back(mean, np.sqrt(self.error * (1 + far))))
