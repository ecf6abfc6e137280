"""An evolution along the whole front of score against cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zc_plugins._shapes import Float, Int, ndarray
from zc_plugins.errors import InvalidArgument
from zc_plugins.scorer import Scorer
from zc_plugins.search._evolution import founder, mutant
from zc_plugins.search._members import Members
from zc_plugins.search.individual import Individual, Proxies
from zc_plugins.spaces import SearchSpace


@dataclass(frozen=True)
class FrontEvolution:
    """Parents are drawn from the architectures that none beats in both score and cost.

    Half of the parents come from the front, half from all members, so that it does not dry out.
    When the members are too many, the one leaves that most others beat in both; among the
    unbeaten, the one whose neighbours along the front lie closest. The score is the ensemble's
    number: a logarithmic rank among the members under ``az_rank``, also of one proxy.

    Attributes:
        cost: a limited cost of the budget: ``"latency"``, ``"flops"``, ``"params"``,
            ``"activation_memory"`` or ``"depth"``.
        population: members.
        founders: as many are first gathered from around ``start``.
        mutations: that make a child of its parent; founders have one.
        start: architecture around which the founders lie. Where None, the space's initial one; a
            space without has random founders.

    Raises:
        InvalidArgument: if a number is below 1.

    References:
        After Deb et al., NSGA-II, IEEE TEVC 2002; one member leaves at a time, by how many beat it.
    """

    cost: str
    population: int = 256
    founders: int = 11
    mutations: int = 2
    start: Any = None

    def __post_init__(self) -> None:
        if min(self.population, self.founders, self.mutations) < 1:
            raise InvalidArgument(
                f"population={self.population}, founders={self.founders}, "
                f"mutations={self.mutations}: pass 1 or more"
            )

    def begin(self, space: SearchSpace[Any], scorer: Scorer) -> FrontPopulation:
        """An empty population."""
        return FrontPopulation(self, space, scorer)


class FrontPopulation:
    """The members of a ``FrontEvolution``."""

    def __init__(self, evolution: FrontEvolution, space: SearchSpace[Any], scorer: Scorer) -> None:
        self._evolution, self._space = evolution, space
        # One more than the evolution keeps: who leaves is decided here.
        self._members = Members(evolution.population + 1, Proxies.of(scorer), scorer.ensemble)

    def propose(self, rng: np.random.Generator) -> Any:
        """A founder, or a child of a member."""
        evolution, members = self._evolution, self._members
        if len(members) < min(evolution.founders, evolution.population):
            return founder(self._space, evolution.start, rng)
        front = self._front() if rng.random() < 0.5 else np.arange(len(members))
        parent = members.individuals[int(front[int(rng.integers(len(front)))])]
        return mutant(self._space, parent, evolution.mutations, rng)

    def tell(self, individual: Individual) -> None:
        """Take in a scored architecture.

        Raises:
            InvalidArgument: if its costs lack the one of the front.
        """
        if self._evolution.cost not in individual.costs:
            raise InvalidArgument(
                f"cost={self._evolution.cost!r} is not among the budget's limited costs "
                f"{sorted(individual.costs)}: give it a limit, where the front shall end"
            )
        self._members.add(individual)
        if len(self._members) > self._evolution.population:
            self._members.remove(_crowded(self._members.numbers, self._costs()))

    def best(self) -> list[Individual]:
        """The front, cheapest first."""
        return [self._members.individuals[place] for place in self._front()]

    def _costs(self) -> Float[ndarray, " members"]:
        cost = self._evolution.cost
        return np.array([member.costs[cost] for member in self._members.individuals])

    def _front(self) -> Int[ndarray, " front"]:
        numbers, costs = self._members.numbers, self._costs()
        front = np.flatnonzero(_beaten_by(numbers, costs) == 0)
        return front[np.argsort(costs[front], kind="stable")]


def _beaten_by(numbers: ndarray, costs: ndarray) -> Int[ndarray, " members"]:
    """How many beat each member: no worse in score and cost, and better in one."""
    no_worse = (numbers[:, None] >= numbers) & (costs[:, None] <= costs)
    better = (numbers[:, None] > numbers) | (costs[:, None] < costs)
    return np.asarray(np.sum(no_worse & better, axis=0))


def _crowded(numbers: ndarray, costs: ndarray) -> int:
    """Place of the member that is missed least."""
    beaten = _beaten_by(numbers, costs)
    if beaten.max() > 0:
        return int(np.flatnonzero(beaten == beaten.max())[-1])
    order = np.argsort(costs, kind="stable")
    room = np.full(len(order), np.inf)
    if len(order) > 2:
        room[1:-1] = sum(
            np.abs(values[2:] - values[:-2]) / (np.ptp(values) or 1.0)
            for values in (numbers[order], costs[order])
        )
    return int(order[int(np.argmin(room))])
