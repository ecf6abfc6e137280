"""Rows of scores as a table, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zc_plugins._scoring.candidate import Candidate
from zc_plugins._shapes import Float, ndarray
from zc_plugins.proxies import Proxy
from zc_plugins.proxies._proxy import LayerScores, ScoreRow
from zc_plugins.scores import ScoreTable


def score_table(
    candidates: Sequence[Candidate],
    rows: Sequence[ScoreRow],
    seconds: Float[ndarray, " candidates"],
    proxies: Sequence[Proxy],
) -> ScoreTable:
    """The table of candidates, their rows and the seconds that each took."""
    names = [proxy.name for proxy in proxies]
    return ScoreTable(
        [candidate.key for candidate in candidates],
        np.array([[row[name].value for name in names] for row in rows]),
        names,
        [proxy.higher_is_better for proxy in proxies],
        {name: [row[name].layers for row in rows] for name in names},
        seconds,
        [{name: row[name].note for name in names if row[name].note} for row in rows],
        [any(row[name].degenerate for name in names) for row in rows],
        [candidate.parameters for candidate in candidates],
        {name: [row[name].names for row in rows] for name in names},
    )


def score_rows(table: ScoreTable, proxies: Sequence[Proxy]) -> dict[str, ScoreRow]:
    """The table's rows by key.

    Raises:
        InvalidArgument: if a proxy is missing from the table.
    """
    columns = {proxy.name: table.column(proxy.name) for proxy in proxies}
    rows: dict[str, ScoreRow] = {}
    for place, key in enumerate(table.candidates):
        notes = table.notes[place]
        rows[key] = {
            name: LayerScores(
                float(column[place]),
                table.layers[name][place] if name in table.layers else np.empty(0),
                table.layer_names[name][place] if name in table.layer_names else (),
                notes.get(name, ""),
                bool(table.degenerate[place]) and name in notes,
            )
            for name, column in columns.items()
        }
    return rows
