"""Several predictors as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument
from zc_plugins.predictors._columns import held
from zc_plugins.predictors._normal_scores import NormalScores
from zc_plugins.predictors._on_columns import OnColumns
from zc_plugins.predictors._predictor import Fitted, Prediction, Predictor
from zc_plugins.predictors._spread import Guess, Spread
from zc_plugins.predictors._training import FEWEST, of_the_live, training_set
from zc_plugins.predictors.kernel_regression import kernel_regression
from zc_plugins.predictors.random_forest import random_forest
from zc_plugins.scores import ScoreTable

FOLDS = 5
"""Parts of the training set that a member is fitted without, in turn."""

LEAST = 1e-6
"""Standard deviation in normal scores that every guess has."""


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
        A predictor whose standard deviation is learned: from the members', from how much they
        disagree, and from how far off they are together of candidates that they were not trained
        on. Members that do not tell what they would say of these are fitted five times more.

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
        labels = NormalScores.of(accuracy)
        target = labels.to(accuracy)
        fitted = tuple(member.fit(table, accuracy) for member in members)
        left_out = [
            each.left_out_guess if isinstance(each, OnColumns) else _left_out(member, table, target)
            for each, member in zip(fitted, members, strict=True)
        ]
        return _Mean(fitted, labels, Spread.of(_mean(left_out), target))

    def _of(self, table: ScoreTable) -> tuple[Predictor, ...]:
        kinds = held(table)
        # One-hot columns are weak one by one, which is how trees see them.
        trees = [kind for kind in kinds if kind != "parameters"] or kinds
        return random_forest(trees, seed=self.seed), kernel_regression(kinds)


@dataclass(frozen=True, eq=False)
class _Mean:
    members: tuple[Fitted, ...]
    labels: NormalScores
    spread: Spread

    def predict(self, table: ScoreTable) -> Prediction:
        """See ``Fitted``."""
        if not len(table):
            return Prediction(np.empty(0), np.empty(0))
        # All were trained on the same candidates, so that what one has read serves the next.
        read: dict[str, ndarray] = {}
        guess = _mean(
            [
                member.guess(table, read)
                if isinstance(member, OnColumns)
                else _as_guess(member.predict(table), self.labels)
                for member in self.members
            ]
        )
        return of_the_live(table, self.labels.back(guess.mean, self.spread(guess)))


def _mean(guesses: Sequence[Guess]) -> Guess:
    """Their mean, with the mean of their variances and the variance of their means."""
    means, stds = (np.stack(parts) for parts in zip(*guesses, strict=True))
    return Guess(means.mean(axis=0), np.sqrt((stds**2).mean(axis=0) + means.var(axis=0)))


def _as_guess(prediction: Prediction, labels: NormalScores) -> Guess:
    mean = np.where(np.isfinite(prediction.mean), prediction.mean, labels.accuracies[0])
    above, at, below = (labels.to(mean + way * prediction.std) for way in (1, 0, -1))
    return Guess(at, np.maximum((above - below) / 2, LEAST))


def _left_out(member: Predictor, table: ScoreTable, target: Float[ndarray, " candidates"]) -> Guess:
    """What a member says of each fifth of the candidates, trained on the others.

    Of five or six candidates none can be left out: then it is what it says of them.
    """
    folds = np.random.default_rng(0).permutation(len(table)) % FOLDS
    if (folds > 0).sum() < FEWEST:
        return _as_guess(member.fit(table, target).predict(table), NormalScores.of(target))
    guess = Guess(np.empty(len(table)), np.empty(len(table)))
    for fold in range(FOLDS):
        out = np.flatnonzero(folds == fold)
        others = np.flatnonzero(folds != fold)
        fitted = member.fit(table.rows(others.tolist()), target[others])
        mean, std = fitted.predict(table.rows(out.tolist()))
        guess.mean[out] = np.where(np.isfinite(mean), mean, target.min())
        guess.std[out] = np.maximum(std, LEAST)
    return guess
