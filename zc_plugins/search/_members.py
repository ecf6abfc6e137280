"""A population of limited size that keeps its best."""

from __future__ import annotations

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.ensembles import Ensemble
from zc_plugins.search.individual import Individual, Proxies


class Members:
    """Individuals ranked by an ensemble among themselves; the worst leaves when they are too many.

    An individual that the ensemble cannot rank is no member.

    Args:
        size: how many there may be.
        proxies: whose scores they hold.
        ensemble: ranks them.
    """

    def __init__(self, size: int, proxies: Proxies, ensemble: Ensemble) -> None:
        self.size, self._proxies, self._ensemble = size, proxies, ensemble
        self.individuals: list[Individual] = []
        self._numbers: Float[ndarray, " members"] | None = np.empty(0)

    def __len__(self) -> int:
        return len(self.individuals)

    @property
    def numbers(self) -> Float[ndarray, " members"]:
        """The ensemble's of the members, higher is better."""
        if self._numbers is None:
            # Who left counted in the ranks of the others.
            self._numbers = self._ensemble(self._proxies.table(self.individuals))
        return self._numbers

    def add(self, individual: Individual) -> None:
        """Take in an individual; of equally bad ones the youngest leaves."""
        joined = [*self.individuals, individual]
        numbers = self._ensemble(self._proxies.table(joined))
        if not np.isfinite(numbers[-1]):
            return
        self.individuals, self._numbers = joined, numbers
        if len(joined) > self.size:
            self.remove(int(np.flatnonzero(numbers == numbers.min())[-1]))

    def remove(self, place: int) -> None:
        """Let a member leave."""
        del self.individuals[place]
        self._numbers = None

    def draw(self, rng: np.random.Generator) -> Individual:
        """A member, uniform over all."""
        return self.individuals[int(rng.integers(len(self.individuals)))]

    def ranked(self) -> list[Individual]:
        """All members, best first; of equals the earlier one first."""
        return [self.individuals[p] for p in np.argsort(-self.numbers, kind="stable")]
