"""Proxies' scores as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import ReferenceMismatch
from zc_plugins.ranking import ranks
from zc_plugins.scores import ScoreTable


@dataclass(frozen=True, eq=False)
class ScoreColumns:
    """Normal scores of each proxy's ranks in the training set, so that no scale matters.

    Attributes:
        trained: the training set.
    """

    trained: ScoreTable

    @staticmethod
    def of(table: ScoreTable) -> ScoreColumns:
        """The columns of a training set."""
        return ScoreColumns(table)

    def matrix(self, table: ScoreTable) -> Float[ndarray, "candidates proxies"]:
        """Higher is better; a candidate that a proxy could not score stands behind all others.

        Raises:
            ReferenceMismatch: if the table lacks a proxy.
        """
        if not self.trained.proxies or not len(table):
            return np.empty((len(table), len(self.trained.proxies)))
        missing = [name for name in self.trained.proxies if name not in table.proxies]
        if missing:
            raise ReferenceMismatch(f"the table lacks {missing}: score with the same proxies")
        shares = [
            ranks(mine, among)
            for mine, among in zip(
                table.only(self.trained.proxies).oriented.T, self.trained.oriented.T, strict=True
            )
        ]
        return _normal(np.stack(shares, axis=1), len(self.trained))


def _normal(shares: ndarray, count: int) -> Float[ndarray, "candidates proxies"]:
    # A new value's rank is among the trained and itself: (0, 1] becomes (0, 1).
    scores: ndarray = ndtri(np.nan_to_num(shares - 0.5 / (count + 1), nan=0.5))
    unscored = float(ndtri(0.25 / (count + 1)))
    return np.where(np.isnan(shares), unscored, scores)
