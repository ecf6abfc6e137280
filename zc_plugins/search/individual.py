"""One architecture that a search has scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable


@dataclass(frozen=True)
class Individual:
    """A member of a population.

    Attributes:
        step: number of the proposal, from 0; rejected ones count.
        architecture: of the search's space.
        text: the architecture as its space encodes it.
        scores: one a proxy, in each proxy's own unit; NaN where it could not be scored.
        costs: the budget's limited costs, in the unit of each limit.
        seconds: spent on building and scoring it.
        notes: by proxy, why a score is missing.
    """

    step: int
    architecture: Any
    text: str
    scores: tuple[float, ...]
    costs: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Proxies:
    """The columns that a search's scores stand in.

    Attributes:
        names: of the proxies.
        higher_is_better: their directions.
    """

    names: tuple[str, ...]
    higher_is_better: tuple[bool, ...]

    @staticmethod
    def of(scorer: Scorer) -> Proxies:
        """Those of a scorer."""
        return Proxies(
            tuple(proxy.name for proxy in scorer.proxies),
            tuple(proxy.higher_is_better for proxy in scorer.proxies),
        )

    def oriented(self, individual: Individual) -> Float[ndarray, " proxies"]:
        """An individual's scores, higher is better."""
        return np.array(individual.scores) * np.where(self.higher_is_better, 1.0, -1.0)

    def table(self, individuals: Sequence[Individual]) -> ScoreTable:
        """The scores of some individuals, which an ensemble ranks."""
        return ScoreTable(
            [individual.text for individual in individuals],
            [individual.scores for individual in individuals],
            self.names,
            self.higher_is_better,
            seconds=[individual.seconds for individual in individuals],
            notes=[individual.notes for individual in individuals],
        )
