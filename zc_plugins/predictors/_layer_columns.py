"""Node-wise statistics as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.predictors._slots import Slots
from zc_plugins.scores import ScoreTable

SUMMARIES = 5
"""Of a vector."""


@dataclass(frozen=True, eq=False)
class LayerColumns:
    """Of each proxy's vector over layers: mean, deviation, least, greatest and number of them.

    Attributes:
        slots: of the training set, each proxy's alone: few proxies have all layers.
    """

    slots: tuple[Slots, ...]

    @staticmethod
    def of(table: ScoreTable) -> LayerColumns:
        """The columns of a training set."""
        proxies = Slots.of(table).proxies
        return LayerColumns(tuple(Slots.of(table, [proxy]) for proxy in proxies))

    def matrix(self, table: ScoreTable) -> Float[ndarray, "candidates columns"]:
        """Of logarithms; 0 where a network has no such layer."""
        found = [_summaries(slots.column(table, *slots.proxies)) for slots in self.slots]
        by_proxy = np.array(found).reshape(len(found), SUMMARIES, len(table))
        # The means of all proxies come first, then their deviations, and so on.
        return by_proxy.swapaxes(0, 1).reshape(SUMMARIES * len(found), len(table)).T


def _summaries(
    numbers: Float[ndarray, "slots n"],
) -> Float[ndarray, "summaries n"]:
    here = np.isfinite(numbers)
    count = here.sum(axis=0)
    known = np.maximum(count, 1)
    mean = np.where(here, numbers, 0.0).sum(axis=0) / known
    off = np.where(here, numbers - mean, 0.0)
    least = np.where(here, numbers, np.inf).min(axis=0, initial=np.inf)
    greatest = np.where(here, numbers, -np.inf).max(axis=0, initial=-np.inf)
    found = np.stack([mean, np.sqrt((off**2).sum(axis=0) / known), least, greatest, count])
    return np.where(np.isfinite(found), found, 0.0)
