"""Node-wise statistics as columns."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.predictors._slots import Slots
from zc_plugins.scores import ScoreTable


@dataclass(frozen=True, eq=False)
class LayerColumns:
    """Of each proxy's vector over layers: mean, deviation, least, greatest and number of them.

    Attributes:
        slots: of the training set.
    """

    slots: Slots

    @staticmethod
    def of(table: ScoreTable) -> LayerColumns:
        """The columns of a training set."""
        return LayerColumns(Slots.of(table))

    def matrix(self, table: ScoreTable) -> Float[ndarray, "candidates columns"]:
        """Of logarithms; 0 where a network has no such layer."""
        numbers = self.slots.read(table)
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
            summaries = [
                np.nanmean(numbers, axis=1),
                np.nanstd(numbers, axis=1),
                np.nanmin(numbers, axis=1, initial=np.inf),
                np.nanmax(numbers, axis=1, initial=-np.inf),
                np.isfinite(numbers).sum(axis=1),
            ]
        joined = np.concatenate(summaries, axis=1)
        return np.where(np.isfinite(joined), joined, 0.0)
