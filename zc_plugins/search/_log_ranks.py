"""The best of a growing history by AZ-NAS's log-rank rule, without ranking it anew."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats
from sortedcontainers import SortedList

from zc_plugins._shapes import Float, Int, ndarray

_GROWTH = 1 / 32
"""By this part the history grows before all of it is ranked anew."""


class LogRanks:
    """Candidates ranked under each proxy; the best by the sum of the logarithms of their ranks.

    The order is that of ``az_rank`` over all candidates so far; only of those whose ranks have the
    same product, either may come first, as the logarithms are rounded. A new candidate lifts the
    rank of each better one by 1, so the sums of all others change too; but as no rank ever falls,
    a candidate whose sum cannot reach the ``kept``-th best before the history has grown by a
    thirty-second need not be looked at until then. Only the others are updated: a few more than
    ``kept``, but where proxies contradict each other and most sums are near the best, a part of the
    history (a third of it for two that are each other's negative). The new candidate's own ranks
    are two binary searches a proxy. So a step costs O(log n), with a constant that grows with
    ``kept``.

    Args:
        proxies: number of columns.
        kept: how many of the best may be asked for.
    """

    def __init__(self, proxies: int, kept: int) -> None:
        self.kept = kept
        self._sorted = [SortedList() for _ in range(proxies)]
        self._values, self._scored = np.empty((64, proxies)), np.empty(64, dtype=bool)
        self._size = 0
        # Candidates that may be among the best, and their ranks in the history as it is now.
        self._places = np.empty(0, dtype=np.int64)
        self._near, self._ranks = np.empty((0, proxies)), np.empty((0, proxies))
        self._least, self._renewal = -math.inf, 0

    def __len__(self) -> int:
        return self._size

    def add(self, scores: Float[ndarray, " proxies"]) -> None:
        """Take in one candidate.

        Args:
            scores: higher is better; a candidate with a NaN stands behind all that have none.
        """
        scored = not np.isnan(scores).any()
        row = scores if scored else np.full(len(scores), -np.inf)
        self._make_room()
        self._values[self._size], self._scored[self._size] = row, scored
        self._size += 1
        entered = [_entered(column, value) for column, value in zip(self._sorted, row, strict=True)]
        self._ranks += ((self._near > row).view(np.int8) + (self._near >= row).view(np.int8)) / 2
        if scored and self._may_be_best(np.array(entered)):
            self._places = np.append(self._places, self._size - 1)
            self._near = np.vstack([self._near, row])
            self._ranks = np.vstack([self._ranks, entered])
        if self._size >= self._renewal:
            self._renew()

    def best(self, count: int) -> Int[ndarray, " count"]:
        """Places of the best candidates, best first; of equals the earlier one first.

        Args:
            count: at most ``kept``; fewer are returned where fewer could be scored.
        """
        sums = np.log(self._ranks).sum(axis=1)
        if len(sums) > count:
            # Equals of the last are kept, so that the earlier one is taken.
            near = np.flatnonzero(sums >= np.partition(sums, -count)[-count])
        else:
            near = np.arange(len(sums))
        return self._places[near[np.argsort(-sums[near], kind="stable")[:count]]]

    def _make_room(self) -> None:
        if self._size == len(self._values):
            self._values = np.concatenate([self._values, np.empty_like(self._values)])
            self._scored = np.concatenate([self._scored, np.empty_like(self._scored)])

    def _may_be_best(self, ranks: Float[ndarray, "*candidates proxies"]) -> ndarray:
        """Whether, before the next renewal, the sum can reach the least that is kept."""
        grows_by = self._renewal - self._size
        return np.asarray(np.log(ranks + max(grows_by, 0)).sum(axis=-1) >= self._least)

    def _renew(self) -> None:
        ranks, scored = (
            stats.rankdata(self._values[: self._size], axis=0),
            self._scored[: self._size],
        )
        sums = np.where(scored, np.log(ranks).sum(axis=1), -np.inf)
        self._renewal = self._size + max(16, int(self._size * _GROWTH))
        self._least = -math.inf
        if self._size > self.kept:
            self._least = float(np.partition(sums, -self.kept)[-self.kept])
        self._places = np.flatnonzero(scored & self._may_be_best(ranks))
        self._near, self._ranks = self._values[self._places], ranks[self._places]


def _entered(column: SortedList, value: float) -> float:
    """The rank of a value after it has been put into its column; equals share the mean."""
    below, not_above = column.bisect_left(value), column.bisect_right(value)
    column.add(value)
    return float(below + not_above + 2) / 2
