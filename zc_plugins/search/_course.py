"""The steps of a search: which architecture comes next, and who has been there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zc_plugins._admission import Admission
from zc_plugins.search._evolution import Population
from zc_plugins.search.individual import Individual
from zc_plugins.spaces import SearchSpace


@dataclass(frozen=True)
class Proposal:
    """A new architecture within the budget.

    Attributes:
        step: number of the proposal.
        architecture: of the space.
        costs: the limited ones.
    """

    step: int
    architecture: Any
    costs: Mapping[str, float]


class Course:
    """Proposes new architectures within the budget, and remembers all that were scored.

    Args:
        space: of the architectures.
        admission: asked for each architecture that is new.
        population: of the evolution.
        seed: of the proposals.

    Attributes:
        population: proposes, and is told.
        history: all that were scored, in order.
        proposals: made so far.
        refusal: why the last that the budget refused was refused.
    """

    def __init__(
        self,
        space: SearchSpace[Any],
        admission: Admission | None,
        population: Population,
        seed: int,
    ) -> None:
        self._space, self._admission, self._seed = space, admission, seed
        self.population = population
        self.history: list[Individual] = []
        self.proposals = 0
        self.refusal = ""
        self._known: set[str] = set()

    def proposed(
        self, count: int, patience: int, *salt: int, stop: Callable[[], bool] = lambda: False
    ) -> list[Proposal]:
        """The next new architectures that are admitted; fewer where patience runs out.

        Args:
            count: how many.
            patience: proposals in a row that may be rejected.
            salt: positive; makes this draw another than that of a colleague at the same step.
            stop: asked before each proposal; True ends it with none.
        """
        found: dict[str, Proposal] = {}
        rejected = 0
        while len(found) < count and rejected < patience:
            if stop():
                return []
            # A generator for each step: a resumed search needs no state but who was scored.
            rng = np.random.default_rng([self._seed, self.proposals, *salt])
            architecture = self.population.propose(rng)
            key = self.key(architecture)
            costs = None
            if key not in self._known and key not in found:
                costs = self._costs(architecture)
            if costs is None:
                rejected += 1
            else:
                found[key] = Proposal(self.proposals, architecture, costs)
                rejected = 0
            self.proposals += 1
        return list(found.values())

    def take(self, batch: Sequence[Individual]) -> None:
        """Take in what was scored, and go on behind it."""
        for individual in batch:
            self.history.append(individual)
            self.know(self.key(individual.architecture), individual.step)
            self.population.tell(individual)

    def know(self, key: str, step: int = -1) -> None:
        """Never propose the architecture of this key, and go on behind the step."""
        self._known.add(key)
        self.proposals = max(self.proposals, step + 1)

    def knows(self, key: str) -> bool:
        """Whether it was scored, or must not be proposed."""
        return key in self._known

    def key(self, architecture: Any) -> str:
        """The same for architectures that compute the same."""
        return self._space.encode(self._space.canonical(architecture))

    def _costs(self, architecture: Any) -> Mapping[str, float] | None:
        """The limited costs; None over the budget."""
        if self._admission is None:
            return {}
        verdict = self._admission.verdict(architecture)
        self.refusal = verdict.reason or self.refusal
        return verdict.costs if verdict.admitted else None
