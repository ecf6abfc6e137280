"""A frozen sample of a space, which makes relative ranks stationary."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from zc_plugins._read_json import read_json
from zc_plugins._shapes import Bool, Float, ndarray
from zc_plugins.ensembles import Ensemble
from zc_plugins.errors import InvalidArgument, NothingScored, ReferenceMismatch
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces import SearchSpace


@dataclass(frozen=True, eq=False)
class Reference:
    """A frozen sample of one space, scored with one scorer's settings.

    Attributes:
        space: name of the space.
        settings: fingerprint of the scorer.
        table: its scores.
    """

    space: str
    settings: str
    table: ScoreTable

    def to_json(self) -> str:
        """The sample as JSON, without keys and layer vectors, which no rank needs.

        So it fits a database's text column of 64 kB. NaN is written as null.
        """
        values = [[None if np.isnan(v) else float(v) for v in row] for row in self.table.values]
        return json.dumps(
            {
                "space": self.space,
                "settings": self.settings,
                "proxies": list(self.table.proxies),
                "higher_is_better": list(self.table.higher_is_better),
                "values": values,
                "degenerate": [place for place, dead in enumerate(self.table.degenerate) if dead],
            }
        )

    @staticmethod
    def from_json(text: str) -> Reference:
        """The sample that ``to_json`` wrote.

        Raises:
            InvalidArgument: if the text is something else.
        """
        try:
            content = read_json(text)
            values = np.array(content["values"], dtype=np.float64)
            dead = set(content.get("degenerate", ()))
            table = ScoreTable(
                list(map(str, range(len(values)))),
                values,
                content["proxies"],
                content["higher_is_better"],
                degenerate=[place in dead for place in range(len(values))],
            )
            return Reference(content["space"], content["settings"], table)
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidArgument(
                f"the text is no reference sample ({error}): pass what Reference.to_json wrote"
            ) from error


class Calibrated:
    """A scorer with a reference sample: its percentiles do not depend on the pool.

    Made by ``Scorer.against``.

    Args:
        reference: the frozen sample.
        ensemble: aggregates the proxies.
        score: the scorer's ``score``.
    """

    def __init__(
        self, reference: Reference, ensemble: Ensemble, score: Callable[..., ScoreTable]
    ) -> None:
        self.reference = reference
        self._ensemble, self._score = ensemble, score
        self._population = np.sort(ensemble(reference.table, reference.table))

    def score(
        self, pool: Iterable[Any], *, space: SearchSpace[Any], show_progress: bool | None = None
    ) -> ScoreTable:
        """The table of architectures of the reference's space.

        Raises:
            ReferenceMismatch: if ``space`` is another one.
        """
        if space.name != self.reference.space:
            raise ReferenceMismatch(
                f"the reference was drawn from space {self.reference.space!r}, the pool from "
                f"{space.name!r}: make one with scorer.reference(space)"
            )
        return self._score(pool, space=space, show_progress=show_progress)

    def ranks(self, table: ScoreTable) -> Bool[ndarray, " candidates"]:
        """Whether the ensemble can rank each candidate among the reference."""
        return np.isfinite(self._ensemble(table, self.reference.table))

    def percentile(self, table: ScoreTable) -> Float[ndarray, " candidates"]:
        """Share of the reference that each candidate beats, in [0, 1]; equals count half.

        A candidate that could not be scored gets 0.
        """
        numbers = self._ensemble(table, self.reference.table)
        below = np.searchsorted(self._population, numbers, side="left")
        not_above = np.searchsorted(self._population, numbers, side="right")
        return np.where(np.isfinite(numbers), (below + not_above) / 2 / len(self._population), 0.0)

    def beaten_by(self, table: ScoreTable) -> Float[ndarray, " candidates"]:
        """Share of the reference that is strictly better than each candidate, in [0, 1].

        The best of a space is beaten by none, however many equal it. A candidate that could not be
        scored gets 1.
        """
        numbers = self._ensemble(table, self.reference.table)
        not_above = np.searchsorted(self._population, numbers, side="right")
        return np.where(np.isfinite(numbers), 1 - not_above / len(self._population), 1.0)


def sampled(space: SearchSpace[Any], size: int, rng: np.random.Generator) -> list[Any]:
    """Random architectures; draws for which the user's builder raises are replaced by others.

    Raises:
        NothingScored: if the builder raises for all, with the last reason.
    """
    sample: list[Any] = []
    reason = ""
    for _ in range(10 * size):
        try:
            sample.append(space.sample(rng))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
        if len(sample) == size:
            return sample
    if not sample:
        raise NothingScored(f"none of {10 * size} drawn architectures can be built: {reason}")
    return sample
