"""A fitted predictor that sees nothing of a table but columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.predictors._columns import Joined
from zc_plugins.predictors._normal_scores import NormalScores
from zc_plugins.predictors._predictor import Prediction
from zc_plugins.predictors._spread import Guess, Spread
from zc_plugins.predictors._training import of_the_live
from zc_plugins.scores import ScoreTable


@dataclass(frozen=True, eq=False)
class OnColumns:
    """A model of normal scores.

    Attributes:
        columns: of the training set.
        labels: between accuracies and normal scores.
        model: standardised columns in, a guess for each row out.
        left_out: what the model would have said of each trained candidate without its label.
        spread: learned from these.
    """

    columns: Joined
    labels: NormalScores
    model: Callable[[Float[ndarray, "candidates columns"]], Guess]
    left_out: Guess
    spread: Spread

    @staticmethod
    def of(
        columns: Joined,
        labels: NormalScores,
        model: Callable[[Float[ndarray, "candidates columns"]], Guess],
        left_out: Guess,
        target: Float[ndarray, " candidates"],
    ) -> OnColumns:
        """With the spread that the left out show."""
        return OnColumns(columns, labels, model, left_out, Spread.of(left_out, target))

    @property
    def left_out_guess(self) -> Guess:
        """The left out with the standard deviations that are learned."""
        return self._known(self.left_out)

    def guess(self, table: ScoreTable, read: dict[str, ndarray] | None = None) -> Guess:
        """Normal scores of candidates; ``read`` as of ``Joined.matrix``."""
        return self._known(self.model(self.columns.matrix(table, read)))

    def _known(self, guess: Guess) -> Guess:
        return Guess(guess.mean, self.spread(guess))

    def predict(self, table: ScoreTable) -> Prediction:
        """See ``Fitted``."""
        if not len(table):
            return Prediction(np.empty(0), np.empty(0))
        return of_the_live(table, self.labels.back(*self.guess(table)))
