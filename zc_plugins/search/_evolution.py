"""What an evolution is, and how its children are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from zc_plugins.scorer import Scorer
from zc_plugins.search.individual import Individual
from zc_plugins.spaces import SearchSpace


@runtime_checkable
class Population(Protocol):
    """The state of an evolution: proposes architectures and is told what they scored."""

    def propose(self, rng: np.random.Generator) -> Any:
        """The next architecture; depends on nothing but what was told and the generator."""
        ...

    def tell(self, individual: Individual) -> None:
        """Take in a scored architecture."""
        ...

    def best(self) -> Sequence[Individual]:
        """What the search is after, best first: the best members, or the whole front."""
        ...


@runtime_checkable
class Evolution(Protocol):
    """The settings of an evolution."""

    def begin(self, space: SearchSpace[Any], scorer: Scorer) -> Population:
        """An empty population.

        Raises:
            InvalidArgument: if the scorer does not fit.
        """
        ...


def founder(space: SearchSpace[Any], start: Any, rng: np.random.Generator) -> Any:
    """A neighbour of the start; without one, of the space's initial architecture, or a sample."""
    start = getattr(space, "initial", None) if start is None else start
    return space.sample(rng) if start is None else space.mutate(start, rng)


def mutant(
    space: SearchSpace[Any], parent: Individual, mutations: int, rng: np.random.Generator
) -> Any:
    """The parent after some mutations."""
    child = parent.architecture
    for _ in range(mutations):
        child = space.mutate(child, rng)
    return child
