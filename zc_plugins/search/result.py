"""What a search has found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from zc_plugins._seeding import seeded
from zc_plugins._shapes import Float, ndarray
from zc_plugins.ensembles import Ensemble
from zc_plugins.ensembles.az_rank import az_rank
from zc_plugins.scores import ScoreTable
from zc_plugins.search.individual import Individual, Proxies
from zc_plugins.spaces import SearchSpace


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The best architectures, and all that were scored on the way.

    Attributes:
        space: of the architectures.
        best: best first; of a ``FrontEvolution`` the front, cheapest first.
        history: all that were scored, in order.
        proxies: names and directions of the scores.
        proposals: architectures proposed; those over the budget or known already are among them.
        seconds: wall time, of all runs of a search that was resumed.
        settings: what the course of the search depends on.
        ensemble: turns several scores into one number.
        front: the cost along which ``best`` is a front; None where it is ranked.
    """

    space: SearchSpace[Any]
    best: Sequence[Individual]
    history: Sequence[Individual]
    proxies: Proxies
    proposals: int
    seconds: float
    settings: Mapping[str, Any]
    ensemble: Ensemble = az_rank
    front: str | None = None

    @property
    def winner(self) -> Individual:
        """The first of the best; of a front its last, which scores best and costs most."""
        return self.best[0 if self.front is None else -1]

    @property
    def architecture(self) -> Any:
        """The winner's architecture."""
        return self.winner.architecture

    @property
    def acceptance_rate(self) -> float:
        """Share of the proposals that were new and within the budget, in (0, 1]."""
        return len(self.history) / self.proposals

    @property
    def table(self) -> ScoreTable:
        """The scores of the whole history."""
        return self.proxies.table(self.history)

    @property
    def numbers(self) -> Float[ndarray, " candidates"]:
        """One number for each of the history, higher is better; -inf or NaN without a score.

        Of one proxy its score, turned where lower is better; of several the ensemble's number
        among all that were scored.
        """
        if len(self.proxies.names) > 1:
            return self.ensemble(self.table)
        return np.array([self.proxies.oriented(member)[0] for member in self.history])

    def build(self, seed: int = 0) -> nn.Module:
        """The winner's network with fresh weights, ready to train, on the CPU.

        Args:
            seed: of the weights.
        """
        with seeded(seed):
            return self.space.build(self.architecture)
