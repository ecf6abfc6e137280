"""Ridge regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.predictors._columns import joined, require_kinds
from zc_plugins.predictors._normal_scores import NormalScores
from zc_plugins.predictors._on_columns import OnColumns
from zc_plugins.predictors._predictor import Fitted, Predictor
from zc_plugins.predictors._spread import Guess
from zc_plugins.predictors._training import training_set
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
        A predictor whose standard deviation is learned from Student's and from the errors that
        leaving one out shows.

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
        best = (np.inf, 0.0, target, target)
        for penalty in PENALTIES * len(table):
            shrunk = singular**2 / (singular**2 + penalty)
            # The intercept takes its share of each candidate's own label too.
            free = np.maximum(1 - (left**2) @ shrunk - 1 / len(table), 1e-3)
            errors = (target - centre - left @ (shrunk * along)) / free
            tried = (float(np.mean(errors**2)), float(penalty), errors, free)
            best = min(best, tried, key=itemgetter(0))
        _, penalty, errors, free = best
        coefficients = right.T @ (singular / (singular**2 + penalty) * along)
        model = _Trend(coefficients, centre, (right.T / np.sqrt(singular**2 + penalty)).T)
        left_out = Guess(target - errors, free**-0.5)
        return OnColumns.of(columns, labels, model, left_out, target)


@dataclass(frozen=True, eq=False)
class _Trend:
    """Coefficients of standardised columns.

    Attributes:
        coefficients: shape (columns,).
        centre: mean normal score.
        spread: shape (directions, columns), a square root of the coefficients' covariance, in
            squares of the error.
    """

    coefficients: ndarray
    centre: float
    spread: ndarray

    def __call__(self, numbers: Float[ndarray, "candidates columns"]) -> Guess:
        """Mean, and what the doubt about the coefficients makes of an error of 1."""
        far = ((numbers @ self.spread.T) ** 2).sum(axis=1)
        return Guess(self.centre + numbers @ self.coefficients, np.sqrt(1 + far))
