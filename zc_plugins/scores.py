"""The hinge: candidates x proxies, which ensembles, searches and reports read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from zc_plugins._shapes import Bool, Float, ndarray
from zc_plugins.errors import EmptyTable, InvalidArgument


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Scores of a population of candidates.

    Attributes:
        candidates: canonical architecture keys, one a row.
        values: shape (candidates, proxies), in each proxy's own unit; NaN where a candidate could
            not be scored: it ranks last, and ``notes`` tells why.
        proxies: names, one a column.
        higher_is_better: direction of each column.
        layers: per proxy name, one vector a candidate over its layers or blocks.
        seconds: shape (candidates,), spent on building and scoring; 0 where it was remembered.
        notes: per candidate, the reason for each proxy that is not a number.
        degenerate: per candidate, whether such a reason lies in the network (dead, disconnected,
            not finite) rather than in our inability to read it.

    Example:
        >>> table = ScoreTable(["a", "b"], [[1, 2], [3, np.nan]], notes=[{}, {"1": "dead"}])
        >>> table.scored
        array([ True, False])
    """

    candidates: Sequence[str]
    values: Float[ndarray, "candidates proxies"]
    proxies: Sequence[str] = ()
    higher_is_better: Sequence[bool] = ()
    layers: Mapping[str, Sequence[ndarray]] = field(default_factory=dict)
    seconds: Float[ndarray, " candidates"] | None = None
    notes: Sequence[Mapping[str, str]] = ()
    degenerate: Sequence[bool] = ()

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64)
        if values.size == 0 and values.ndim < 2:
            values = values.reshape(len(self.candidates), len(self.proxies))
        rows = len(self.candidates)
        if values.ndim != 2 or len(values) != rows:
            raise InvalidArgument(
                f"values of shape {values.shape} do not fit {rows} candidates: "
                "pass shape (candidates, proxies)"
            )
        columns = values.shape[1]
        proxies = tuple(self.proxies) or tuple(str(column) for column in range(columns))
        better = tuple(self.higher_is_better) or (True,) * columns
        seconds = np.zeros(rows) if self.seconds is None else np.asarray(self.seconds, np.float64)
        notes = tuple(self.notes) or ({},) * rows
        degenerate = tuple(self.degenerate) or (False,) * rows
        for name, given, wanted in (
            ("proxies", proxies, columns),
            ("higher_is_better", better, columns),
            ("seconds", seconds, rows),
            ("notes", notes, rows),
            ("degenerate", degenerate, rows),
        ):
            if len(given) != wanted:
                raise InvalidArgument(f"{name} has {len(given)} entries, the table needs {wanted}")
        values.flags.writeable = False
        for name, value in (
            ("candidates", tuple(self.candidates)),
            ("values", values),
            ("proxies", proxies),
            ("higher_is_better", better),
            ("seconds", seconds),
            ("notes", notes),
            ("degenerate", degenerate),
        ):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.candidates)

    @property
    def oriented(self) -> Float[ndarray, "candidates proxies"]:
        """The values with the sign turned where lower is better, so that higher always is.

        Raises:
            EmptyTable: without candidates or proxies.
        """
        if self.values.size == 0:
            raise EmptyTable(
                f"the table has {len(self)} candidates and {len(self.proxies)} proxies: "
                "score at least one candidate with at least one proxy"
            )
        return self.values * np.where(np.asarray(self.higher_is_better), 1.0, -1.0)

    @property
    def scored(self) -> Bool[ndarray, " candidates"]:
        """Whether every proxy could score the candidate."""
        return np.logical_not(np.isnan(self.values).any(axis=1))

    def column(self, proxy: str) -> Float[ndarray, " candidates"]:
        """One proxy's values.

        Raises:
            InvalidArgument: if the table does not hold this proxy.
        """
        if proxy not in self.proxies:
            raise InvalidArgument(f"no column {proxy!r}: the table holds {list(self.proxies)}")
        return self.values[:, self.proxies.index(proxy)]

    def rows(self, places: Sequence[int]) -> ScoreTable:
        """The candidates at ``places``, in that order."""
        places = list(places)
        return ScoreTable(
            [self.candidates[place] for place in places],
            self.values[places],
            self.proxies,
            self.higher_is_better,
            {name: [vectors[p] for p in places] for name, vectors in self.layers.items()},
            np.asarray(self.seconds)[places],
            [self.notes[place] for place in places],
            [self.degenerate[place] for place in places],
        )

    def records(self) -> list[dict[str, object]]:
        """One flat dict a candidate, ready for a data frame, CSV or JSON."""
        return [
            {
                "candidate": key,
                **dict(zip(self.proxies, map(float, row), strict=True)),
                "seconds": float(spent),
                "note": "; ".join(f"{name}: {text}" for name, text in note.items()),
            }
            for key, row, spent, note in zip(
                self.candidates, self.values, np.asarray(self.seconds), self.notes, strict=True
            )
        ]
