"""Random models of an experiment, ranked without training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from nni.nas.space import ExecutableModelSpace

from zc_plugins.nni._stamp import require_stamp, stamp
from zc_plugins.nni._twins import Twins
from zc_plugins.nni.model_space import NniSpace, choosable, drawn, old_generator
from zc_plugins.nni.report import sample_text
from zc_plugins.scorer import Scorer


class Ranked(NamedTuple):
    """A sample with its scores, one a proxy."""

    sample: dict[str, Any]
    scores: list[float]


class Pool:
    """Draws models and scores them, once.

    Args:
        scorer: any.
        size: models to draw; fewer are taken where the space has fewer.
        seed: of the draws.
    """

    def __init__(self, scorer: Scorer, size: int, seed: int) -> None:
        self.scorer, self.size, self.seed = scorer, size, seed
        self._ranked: list[Ranked] = []
        self._of: list[Any] = []

    def best(self, model_space: ExecutableModelSpace) -> list[Ranked]:
        """Samples, best first; without those that have no score or make a network again.

        Raises:
            NothingScored: if no model can be scored, with the commonest reason.
        """
        if not self._ranked:
            samples = self._drawn(model_space)
            space = NniSpace(model_space)
            self._of = stamp(self.scorer, space)
            table = self.scorer.score([space.of(sample) for sample in samples], space=space)
            numbers = self.scorer.aggregate(table)
            table.require_ranked(numbers)
            order = np.argsort(-numbers, kind="stable")
            twins = Twins(space)
            for place in order[np.isfinite(numbers[order])]:
                ranked = Ranked(samples[place], table.values[place].tolist())
                if not twins.has(*ranked):
                    twins.add(*ranked)
                    self._ranked.append(ranked)
        return self._ranked

    def state(self) -> dict[str, Any]:
        """What a resumed run needs, so that nothing is scored again."""
        return {"of": self._of, "ranked": [tuple(ranked) for ranked in self._ranked]}

    def load(self, state: Mapping[str, Any], model_space: ExecutableModelSpace) -> None:
        """Take up what ``state`` told, unless it is of a moment before the pool was scored.

        Raises:
            InvalidArgument: if it is of another space, or was ranked by other proxies.
        """
        if not state["ranked"]:
            return
        self._of = stamp(self.scorer, NniSpace(model_space))
        require_stamp(state["of"], self._of)
        self._ranked = [Ranked(*ranked) for ranked in state["ranked"]]

    def _drawn(self, model_space: ExecutableModelSpace) -> list[dict[str, Any]]:
        generator = old_generator(np.random.default_rng(self.seed))
        labels, found = choosable(model_space), dict[str, dict[str, Any]]()
        for _ in range(3 * self.size):
            sample = drawn(model_space, generator)
            found.setdefault(sample_text(sample), {label: sample[label] for label in labels})
            if len(found) == self.size:
                break
        return list(found.values())
