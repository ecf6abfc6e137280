"""The baseline: architectures drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zc_plugins.errors import InvalidArgument
from zc_plugins.scorer import Scorer
from zc_plugins.search._members import Members
from zc_plugins.search.individual import Individual, Proxies
from zc_plugins.spaces import SearchSpace


@dataclass(frozen=True)
class RandomSearch:
    """Draws from the space, and keeps the best.

    Attributes:
        population: how many of the best are kept, and ranked among each other.

    Raises:
        InvalidArgument: if it is below 1.
    """

    population: int = 512

    def __post_init__(self) -> None:
        if self.population < 1:
            raise InvalidArgument(f"population={self.population}: pass 1 or more")

    def begin(self, space: SearchSpace[Any], scorer: Scorer) -> RandomPopulation:
        """An empty population."""
        return RandomPopulation(self, space, scorer)


class RandomPopulation:
    """What a ``RandomSearch`` has kept."""

    def __init__(self, search: RandomSearch, space: SearchSpace[Any], scorer: Scorer) -> None:
        self._space = space
        self._members = Members(search.population, Proxies.of(scorer), scorer.ensemble)

    def propose(self, rng: np.random.Generator) -> Any:
        """A random architecture."""
        return self._space.sample(rng)

    def tell(self, individual: Individual) -> None:
        """Take in a scored architecture; the worst one leaves."""
        self._members.add(individual)

    def best(self) -> list[Individual]:
        """The kept ones, best first."""
        return self._members.ranked()
