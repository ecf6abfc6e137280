"""Accuracies as normal scores of their ranks, in which predictors learn, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from zc_plugins._shapes import Float, ndarray
from zc_plugins.predictors._predictor import Prediction

OUTER = 5
"""The outer knots, one in so many, tell how the map goes on beyond the last."""


@dataclass(frozen=True, eq=False)
class NormalScores:
    """A monotone map between accuracies and standard normal scores.

    Accuracies lie close together at the top and far apart at the bottom; a squared error of them
    would be all about failures. Of normal scores each rank weighs alike.

    Attributes:
        accuracies: different ones of the training set, ascending.
        scores: theirs, ascending.
    """

    accuracies: Float[ndarray, " knots"]
    scores: Float[ndarray, " knots"]

    @staticmethod
    def of(accuracy: Float[ndarray, " candidates"]) -> NormalScores:
        """The map of a training set; equal accuracies share their mean rank."""
        shares = (stats.rankdata(accuracy) - 0.5) / len(accuracy)
        accuracies, places = np.unique(accuracy, return_index=True)
        return NormalScores(accuracies, stats.norm.ppf(shares)[places])

    def to(self, accuracy: Float[ndarray, " candidates"]) -> Float[ndarray, " candidates"]:
        """Accuracies as normal scores."""
        return _along(accuracy, self.accuracies, self.scores)

    def back(
        self, mean: Float[ndarray, " candidates"], std: Float[ndarray, " candidates"]
    ) -> Prediction:
        """Normal scores as accuracies.

        The mean goes to the median, so that the order is kept; the standard deviation to half the
        distance between the accuracies one of it above and below.
        """
        above, at, below = (
            _along(mean + way * std, self.scores, self.accuracies) for way in (1, 0, -1)
        )
        return Prediction(at, (above - below) / 2)


def _along(values: ndarray, knots: ndarray, heights: ndarray) -> ndarray:
    """Straight lines between knots, and beyond them those of the outer fifths of the knots."""
    if len(knots) == 1:
        return np.full(len(values), heights[0])
    fifth = max(1, len(knots) // OUTER)
    inside = np.interp(values, knots, heights)
    rise = (heights[-1] - heights[-1 - fifth]) / (knots[-1] - knots[-1 - fifth])
    fall = (heights[fifth] - heights[0]) / (knots[fifth] - knots[0])
    above, below = np.maximum(values - knots[-1], 0), np.minimum(values - knots[0], 0)
    return np.asarray(inside + rise * above + fall * below)
