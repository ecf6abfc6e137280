"""What a search's trainings teach a predictor: whole ones, and those that were stopped early."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from zc_plugins.search._learned import Training

SHORT = 5
"""Short trainings that teach as one whole."""

MOST = 500
"""Trainings that a Gaussian process learns from: its time grows with their cube."""


@dataclass(frozen=True)
class Lessons:
    """Values by place in the table: of whole trainings, and at the step that most have reached."""

    whole: Mapping[int, float]
    early: Mapping[int, float]

    @staticmethod
    def of(trainings: Sequence[Training], places: Sequence[int]) -> Lessons:
        whole = _best((place, t.value) for place, t in zip(places, trainings, strict=True))
        reached = Counter(
            step for t in trainings for step, v in t.early.items() if math.isfinite(v)
        )
        # Whoever trains everything to its end learns nothing more from the way there.
        if not reached or not any(math.isnan(t.value) and t.early for t in trainings):
            return Lessons(whole, {})
        step = max(reached, key=lambda step: (reached[step], step))
        both = zip(places, trainings, strict=True)
        return Lessons(whole, _best((place, t.early.get(step, math.nan)) for place, t in both))

    @property
    def trainings(self) -> float:
        """How many whole trainings it is worth."""
        return len(self.early) / SHORT if self.early else len(self.whole)

    def best(self, count: int) -> list[int]:
        """Places of the best, of the whole trainings and of the early values."""
        found = [
            place
            for values in (self.whole, self.early)
            for place in sorted(values, key=lambda place: -values[place])[:count]
        ]
        return list(dict.fromkeys(found))


def telling(values: Mapping[int, float]) -> dict[int, float]:
    """At most ``MOST`` of the values: the highest, and as many of the others, first and last ones.

    The highest tell where the best may be; the first were chosen by scores alone.

    Args:
        values: in the order in which they came in; higher is better.
    """
    if len(values) <= MOST:
        return dict(values)
    high = set(sorted(values, key=lambda place: -values[place])[: MOST // 2])
    others = [place for place in values if place not in high]
    kept = high.union(others[: MOST // 4], others[-(MOST // 4) :])
    return {place: value for place, value in values.items() if place in kept}


def _best(values: Iterable[tuple[int, float]]) -> dict[int, float]:
    """The highest finite value of each place, in order of their first ones."""
    found: dict[int, float] = {}
    for place, value in values:
        if math.isfinite(value):
            found[place] = max(value, found.get(place, value))
    return found
