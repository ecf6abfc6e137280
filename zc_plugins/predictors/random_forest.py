"""A random forest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from zc_plugins._optional import require
from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument
from zc_plugins.predictors._columns import joined, require_kinds
from zc_plugins.predictors._normal_scores import NormalScores
from zc_plugins.predictors._on_columns import OnColumns
from zc_plugins.predictors._predictor import Fitted, Predictor
from zc_plugins.predictors._spread import Guess
from zc_plugins.predictors._training import training_set
from zc_plugins.scores import ScoreTable

FOLDS, FOLD_TREES = 5, 40
"""Parts of the training set that are left out in turn, to learn how far a forest is off, and the
trees of each of those forests, at most."""


def random_forest(
    reads: Sequence[str] = ("scores",),
    *,
    random_thresholds: bool = True,
    trees: int = 200,
    seed: int = 0,
) -> Predictor:
    """The mean of many trees, each grown on columns of the table.

    It learns the normal scores of the accuracies' ranks.

    Args:
        reads: kinds of columns, as of ``ridge``.
        random_thresholds: trees whose thresholds are drawn, half of the columns tried at each
            node and all candidates in each tree (extremely randomised trees), in place of the
            classic forest of bootstrap samples, a third of the columns and the best thresholds.
        trees: number of them.
        seed: of the trees.

    Returns:
        A predictor whose standard deviation is learned from the trees' and from the errors on
        left-out folds of the training set.

    Raises:
        InvalidArgument: if a kind of column is unknown, or there is no tree.

    References:
        Breiman, Random forests, 2001; Geurts et al., Extremely randomized trees, 2006.
    """
    require_kinds(reads)
    if trees < 2:
        raise InvalidArgument(f"trees={trees}: pass 2 or more")
    return RandomForest(tuple(reads), random_thresholds, trees, seed)


@dataclass(frozen=True)
class RandomForest:
    """See ``random_forest``."""

    reads: tuple[str, ...]
    random_thresholds: bool
    trees: int
    seed: int

    def fit(self, table: ScoreTable, accuracy: Float[ndarray, " candidates"]) -> Fitted:
        """See ``Predictor``.

        Raises:
            MissingExtra: without scikit-learn.
        """
        table, accuracy = training_set(table, accuracy)
        columns = joined(table, self.reads)
        labels = NormalScores.of(accuracy)
        numbers, target = columns.matrix(table), labels.to(accuracy)
        folds = np.random.default_rng(self.seed).permutation(len(table)) % FOLDS
        left_out = Guess(np.empty(len(table)), np.empty(len(table)))
        for fold in range(FOLDS):
            out = folds == fold
            votes = _votes(self._grown(numbers[~out], target[~out], FOLD_TREES), numbers[out])
            left_out.mean[out], left_out.std[out] = votes
        model = partial(_votes, self._grown(numbers, target, self.trees))
        return OnColumns.of(columns, labels, model, left_out, target)

    def _grown(self, numbers: ndarray, target: ndarray, trees: int) -> Any:
        ensemble = require("sklearn.ensemble", extra="predictors")
        kind, share = (
            (ensemble.ExtraTreesRegressor, 0.5)
            if self.random_thresholds
            else (ensemble.RandomForestRegressor, 1 / 3)
        )
        forest = kind(min(trees, self.trees), max_features=share, random_state=self.seed)
        return forest.fit(numbers, target)


def _votes(forest: Any, numbers: Float[ndarray, "candidates columns"]) -> Guess:
    # Asked as a whole, a forest spends milliseconds on each call to start its workers.
    read = numbers.astype(np.float32)
    votes = np.stack([tree.tree_.predict(read)[:, 0] for tree in forest.estimators_])
    # Trees that agree to the last digit are not certain.
    return Guess(votes.mean(axis=0), np.maximum(votes.std(axis=0), 0.05))
