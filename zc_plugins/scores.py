"""The hinge: candidates x proxies, which ensembles, searches and reports read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zc_plugins._shapes import Bool, Float, ndarray
from zc_plugins.errors import EmptyTable, InvalidArgument, NothingScored


@dataclass(frozen=True, eq=False, init=False)
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
        parameters: per candidate, what a trial must hold to make its architecture, by name; empty
            where the space does not tell.
        layer_names: per proxy name, the names of the layers or blocks of each candidate's vector:
            what tells a layer's slot from network to network.

    Example:
        >>> table = ScoreTable(["a", "b"], [[1, 2], [3, np.nan]], notes=[{}, {"1": "dead"}])
        >>> table.scored
        array([ True, False])
    """

    candidates: tuple[str, ...]
    values: Float[ndarray, "candidates proxies"]
    proxies: tuple[str, ...]
    higher_is_better: tuple[bool, ...]
    layers: Mapping[str, Sequence[ndarray]]
    seconds: Float[ndarray, " candidates"]
    notes: tuple[Mapping[str, str], ...]
    degenerate: tuple[bool, ...]
    parameters: tuple[Mapping[str, Any], ...]
    layer_names: Mapping[str, Sequence[tuple[str, ...]]]

    def __init__(
        self,
        candidates: Sequence[str],
        values: npt.ArrayLike,
        proxies: Sequence[str] = (),
        higher_is_better: Sequence[bool] = (),
        layers: Mapping[str, Sequence[ndarray]] | None = None,
        seconds: npt.ArrayLike | None = None,
        notes: Sequence[Mapping[str, str]] = (),
        degenerate: Sequence[bool] = (),
        parameters: Sequence[Mapping[str, Any]] = (),
        layer_names: Mapping[str, Sequence[tuple[str, ...]]] | None = None,
    ) -> None:
        """Take anything of the right shape; proxies without names are called by their number.

        Raises:
            InvalidArgument: if a length does not fit.
        """
        rows = len(candidates)
        scores = np.array(values, dtype=np.float64)
        if scores.size == 0 and scores.ndim < 2:
            scores = scores.reshape(rows, len(proxies))
        if scores.ndim != 2 or len(scores) != rows:
            raise InvalidArgument(
                f"values of shape {scores.shape} do not fit {rows} candidates: "
                "pass shape (candidates, proxies)"
            )
        columns = scores.shape[1]
        scores.flags.writeable = False
        attributes: dict[str, tuple[Any, int]] = {
            "candidates": (tuple(candidates), rows),
            "values": (scores, rows),
            "proxies": (tuple(proxies) or tuple(map(str, range(columns))), columns),
            "higher_is_better": (tuple(higher_is_better) or (True,) * columns, columns),
            "seconds": (np.zeros(rows) if seconds is None else np.array(seconds, float), rows),
            "notes": (tuple(notes) or ({},) * rows, rows),
            "degenerate": (tuple(map(bool, degenerate)) or (False,) * rows, rows),
            "parameters": (tuple(parameters) or ({},) * rows, rows),
        }
        for name, (value, wanted) in attributes.items():
            if len(value) != wanted:
                raise InvalidArgument(f"{name} has {len(value)} entries, the table needs {wanted}")
            object.__setattr__(self, name, value)
        object.__setattr__(self, "layers", {} if layers is None else layers)
        object.__setattr__(self, "layer_names", {} if layer_names is None else layer_names)

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
            self.seconds[places],
            [self.notes[place] for place in places],
            [self.degenerate[place] for place in places],
            [self.parameters[place] for place in places],
            {name: [words[p] for p in places] for name, words in self.layer_names.items()},
        )

    def joined(self, other: ScoreTable) -> ScoreTable:
        """The candidates of both, the other's last.

        Raises:
            InvalidArgument: if the other lacks one of this table's proxies.
        """
        rest = other.only(self.proxies)

        def both(mine: Mapping[str, Sequence[Any]], theirs: Mapping[str, Sequence[Any]]) -> Any:
            mine = mine if len(self) else dict.fromkeys(theirs, ())
            return {name: [*mine[name], *theirs[name]] for name in mine if name in theirs}

        return ScoreTable(
            [*self.candidates, *rest.candidates],
            np.concatenate([self.values, rest.values]),
            self.proxies,
            self.higher_is_better,
            both(self.layers, rest.layers),
            np.concatenate([self.seconds, rest.seconds]),
            [*self.notes, *rest.notes],
            [*self.degenerate, *rest.degenerate],
            [*self.parameters, *rest.parameters],
            both(self.layer_names, rest.layer_names),
        )

    def only(self, proxies: Sequence[str]) -> ScoreTable:
        """The columns of these proxies, in that order.

        Raises:
            InvalidArgument: if the table does not hold one of them.
        """
        columns = [self.column(name) for name in proxies]
        return ScoreTable(
            self.candidates,
            np.stack(columns, axis=1) if columns else np.empty((len(self), 0)),
            proxies,
            [self.higher_is_better[self.proxies.index(name)] for name in proxies],
            {name: self.layers[name] for name in proxies if name in self.layers},
            self.seconds,
            [{name: text for name, text in note.items() if name in proxies} for note in self.notes],
            self.degenerate,
            self.parameters,
            {name: self.layer_names[name] for name in proxies if name in self.layer_names},
        )

    def reason(self, row: int) -> str:
        """Why the candidate is not scored, proxies of the same reason together; or empty."""
        by_text: dict[str, list[str]] = {}
        for proxy, text in self.notes[row].items():
            by_text.setdefault(text, []).append(proxy)
        return "; ".join(f"{', '.join(names)}: {text}" for text, names in by_text.items())

    def require_ranked(self, numbers: Float[ndarray, " candidates"]) -> None:
        """Refuse to go on when an ensemble could rank no candidate.

        Args:
            numbers: the ensemble's, of shape (candidates,).

        Raises:
            NothingScored: with the commonest reason.
        """
        if not np.isfinite(numbers).any():
            reasons = [self.reason(row) for row in range(len(self))]
            commonest = max(set(reasons), key=reasons.count)
            raise NothingScored(f"none of {len(self)} candidates could be scored: {commonest}")

    def records(self) -> list[dict[str, object]]:
        """One flat dict a candidate, ready for a data frame, CSV or JSON."""
        return [
            {
                "candidate": key,
                **dict(zip(self.proxies, map(float, row), strict=True)),
                "seconds": float(spent),
                "note": self.reason(place),
            }
            for place, (key, row, spent) in enumerate(
                zip(self.candidates, self.values, self.seconds, strict=True)
            )
        ]
