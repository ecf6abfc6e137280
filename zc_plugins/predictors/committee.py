"""Several predictors as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument
from zc_plugins.predictors._columns import held
from zc_plugins.predictors._normal_scores import NormalScores
from zc_plugins.predictors._predictor import Fitted, Prediction, Predictor
from zc_plugins.predictors._training import of_the_live, training_set
from zc_plugins.predictors.kernel_regression import kernel_regression
from zc_plugins.predictors.random_forest import random_forest
from zc_plugins.scores import ScoreTable


def committee(members: Sequence[Predictor] = (), *, seed: int = 0) -> Predictor:
    """The mean of what its members say, in normal scores of the training set.

    Without members it has the two that did best on NAS-Bench-201 with 156 labels (seeds 100 to 102
    of ``benchmarks.predictors``, others than reported): extremely randomised trees on scores,
    layers and graph, and a Gaussian process on these and the parameters, as far as the table holds
    them.

    Args:
        members: predictors.
        seed: of the forest, where there are no members.

    Returns:
        A predictor whose variance is the members' mean variance and their disagreement.

    Example:
        >>> from zc_plugins.predictors.ridge import ridge
        >>> table = ScoreTable("abcdef", [[1], [2], [3], [4], [5], [6]])
        >>> accuracy = np.array([10.0, 30.0, 20.0, 40.0, 60.0, 50.0])
        >>> fitted = committee([ridge(), kernel_regression()]).fit(table, accuracy)
        >>> bool(fitted.predict(table).mean.argmin() == 0)
        True
    """
    if len(members) == 1:
        raise InvalidArgument("a committee of one member: use the member, or pass two")
    return Committee(tuple(members), seed)


@dataclass(frozen=True)
class Committee:
    """See ``committee``."""

    members: tuple[Predictor, ...]
    seed: int

    def fit(self, table: ScoreTable, accuracy: Float[ndarray, " candidates"]) -> Fitted:
        """See ``Predictor``."""
        table, accuracy = training_set(table, accuracy)
        members = self.members or self._of(table)
        fitted = tuple(member.fit(table, accuracy) for member in members)
        return _Mean(fitted, NormalScores.of(accuracy))

    def _of(self, table: ScoreTable) -> tuple[Predictor, ...]:
        kinds = held(table)
        # One-hot columns are weak one by one, which is how trees see them.
        trees = [kind for kind in kinds if kind != "parameters"] or kinds
        return random_forest(trees, seed=self.seed), kernel_regression(kinds)


@dataclass(frozen=True, eq=False)
class _Mean:
    members: tuple[Fitted, ...]
    labels: NormalScores

    def predict(self, table: ScoreTable) -> Prediction:
        """See ``Fitted``."""
        if not len(table):
            return Prediction(np.empty(0), np.empty(0))
        means, variances = [], []
        for member in self.members:
            mean, std = member.predict(table)
            mean = np.where(np.isfinite(mean), mean, self.labels.accuracies[0])
            above, at, below = (self.labels.to(mean + way * std) for way in (1, 0, -1))
            means.append(at)
            variances.append(((above - below) / 2) ** 2)
        spread = np.sqrt(np.mean(variances, axis=0) + np.var(means, axis=0))
        return of_the_live(table, self.labels.back(np.mean(means, axis=0), spread))
