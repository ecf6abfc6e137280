"""The evolution of AZ-NAS: ranks over all that was ever scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zc_plugins.ensembles.az_rank import az_rank
from zc_plugins.errors import InvalidArgument
from zc_plugins.scorer import Scorer
from zc_plugins.search._evolution import founder, mutant
from zc_plugins.search._log_ranks import LogRanks
from zc_plugins.search.individual import Individual, Proxies
from zc_plugins.spaces import SearchSpace


@dataclass(frozen=True)
class AzEvolution:
    """Parents are drawn uniformly from the best of the whole history, by AZ-NAS's log-rank rule.

    Nobody leaves: each new architecture changes the ranks of the others, and one that was behind
    may come to the front. The public code ranks everything anew at each step; here a step costs
    O(log n), with the same result (``tests/search/test_log_ranks.py``).

    Attributes:
        parents: how many of the best may have children; 1,023 as in the authors' code.
        founders: as many are first gathered from around ``start``; 11 as in that code.
        mutations: that make a child of its parent; founders have one.
        start: architecture around which the founders lie. Where None, the space's initial one; a
            space without has random founders.

    Raises:
        InvalidArgument: if a number is below 1.

    References:
        Lee and Ham, AZ-NAS, CVPR 2024, arXiv:2403.19232, algorithm 1, and its public code.
    """

    parents: int = 1023
    founders: int = 11
    mutations: int = 2
    start: Any = None

    def __post_init__(self) -> None:
        if min(self.parents, self.founders, self.mutations) < 1:
            raise InvalidArgument(
                f"parents={self.parents}, founders={self.founders}, mutations={self.mutations}: "
                "pass 1 or more"
            )

    def begin(self, space: SearchSpace[Any], scorer: Scorer) -> AzPopulation:
        """An empty history.

        Raises:
            InvalidArgument: if the scorer's ensemble is not ``az_rank``.
        """
        if scorer.ensemble is not az_rank:
            name = getattr(scorer.ensemble, "__name__", repr(scorer.ensemble))
            raise InvalidArgument(
                f"ensemble={name}: AzEvolution ranks by az_rank; pass a scorer with "
                "ensemble='az_rank', or by=ZenEvolution(), which takes any"
            )
        return AzPopulation(self, space, scorer)


class AzPopulation:
    """The history of an ``AzEvolution``."""

    def __init__(self, evolution: AzEvolution, space: SearchSpace[Any], scorer: Scorer) -> None:
        self._evolution, self._space = evolution, space
        self._proxies = Proxies.of(scorer)
        self._ranks = LogRanks(len(self._proxies.names), evolution.parents)
        self._history: list[Individual] = []
        self._scored = 0

    def propose(self, rng: np.random.Generator) -> Any:
        """A founder, or a child of one of the best of the history."""
        if self._scored < self._evolution.founders:
            return founder(self._space, self._evolution.start, rng)
        parents = self._ranks.best(self._evolution.parents)
        parent = self._history[int(parents[int(rng.integers(len(parents)))])]
        return mutant(self._space, parent, self._evolution.mutations, rng)

    def tell(self, individual: Individual) -> None:
        """Take in a scored architecture."""
        scores = self._proxies.oriented(individual)
        self._history.append(individual)
        self._ranks.add(scores)
        self._scored += not np.isnan(scores).any()

    def best(self) -> list[Individual]:
        """The best of the history, best first."""
        return [self._history[int(place)] for place in self._ranks.best(self._evolution.parents)]
