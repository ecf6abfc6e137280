"""The evolution of Zen-NAS: mutation only, the population trimmed by score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zc_plugins.errors import InvalidArgument
from zc_plugins.scorer import Scorer
from zc_plugins.search._evolution import founder, mutant
from zc_plugins.search._members import Members
from zc_plugins.search.individual import Individual, Proxies
from zc_plugins.spaces import SearchSpace


@dataclass(frozen=True)
class ZenEvolution:
    """Parents are drawn uniformly from a population that drops its worst member.

    With a scorer of one proxy this is the paper's search. An ensemble of several ranks the members
    among each other at each step. The cost of a step depends on ``population``, not on how many
    were scored.

    Attributes:
        population: members; 512 as in the authors' code, 256 in the paper.
        founders: as many members are first gathered from around ``start``.
        mutations: that make a child of its parent; founders have one.
        start: architecture around which the founders lie. Where None, the space's initial one; a
            space without has random founders.

    Raises:
        InvalidArgument: if a number is below 1.

    References:
        Lin et al., Zen-NAS, ICCV 2021, arXiv:2102.01063, algorithm 1.
    """

    population: int = 512
    founders: int = 11
    mutations: int = 2
    start: Any = None

    def __post_init__(self) -> None:
        if min(self.population, self.founders, self.mutations) < 1:
            raise InvalidArgument(
                f"population={self.population}, founders={self.founders}, "
                f"mutations={self.mutations}: pass 1 or more"
            )

    def begin(self, space: SearchSpace[Any], scorer: Scorer) -> ZenPopulation:
        """An empty population."""
        return ZenPopulation(self, space, scorer)


class ZenPopulation:
    """The members of a ``ZenEvolution``."""

    def __init__(self, evolution: ZenEvolution, space: SearchSpace[Any], scorer: Scorer) -> None:
        self._evolution, self._space = evolution, space
        self._members = Members(evolution.population, Proxies.of(scorer), scorer.ensemble)

    def propose(self, rng: np.random.Generator) -> Any:
        """A founder, or a child of any member."""
        evolution = self._evolution
        if len(self._members) < min(evolution.founders, evolution.population):
            return founder(self._space, evolution.start, rng)
        return mutant(self._space, self._members.draw(rng), evolution.mutations, rng)

    def tell(self, individual: Individual) -> None:
        """Take in a scored architecture; the worst member leaves."""
        self._members.add(individual)

    def best(self) -> list[Individual]:
        """The members, best first."""
        return self._members.ranked()
