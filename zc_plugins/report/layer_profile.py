"""What each layer of each candidate adds to a score, as a chart."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from zc_plugins._shapes import ndarray
from zc_plugins.ensembles.az_rank import az_rank
from zc_plugins.errors import InvalidArgument
from zc_plugins.report.chart import COLOURS, GREY, Chart, Panel, Series
from zc_plugins.scores import ScoreTable

_SHOWN = 5  # candidates in colour where nobody chose
_LONG = 32  # letters of a candidate's name in the legend


def layer_profile(table: ScoreTable, candidates: Sequence[str] = ()) -> Chart:
    """A panel for each proxy that scores several layers or blocks, a line for each candidate.

    Args:
        table: with ``layers``; where ``layer_names`` are known, plotly shows them.
        candidates: those in colour, at most eight, the best first; the best by ``az_rank`` where
            empty. The others are grey.

    Raises:
        InvalidArgument: if the table lacks one of the candidates, or there are too many.
    """
    title = "Scores layer by layer"
    profiles = {name: table.layers[name] for name in table.proxies if name in table.layers}
    # A score of the whole network is a vector of one.
    known = {n: vectors for n, vectors in profiles.items() if max(map(len, vectors), default=0) > 1}
    if not known:
        warnings.warn("no proxy of the table has scores of several layers", stacklevel=3)
        return Chart(title)
    coloured = _rows(table, candidates)
    panels = []
    for name, vectors in known.items():
        names = table.layer_names.get(name) or [()] * len(table)
        others = [row for row in range(len(table)) if row not in coloured]
        # The first one lies on top.
        panels.append(
            Panel(
                name,
                "layer or block, from the input",
                f"{name} of it",
                [
                    _line(table, row, vectors[row], names[row], coloured)
                    for row in [*others, *reversed(coloured)]
                    if len(vectors[row])
                ],
                counts=True,
            )
        )
    return Chart(title, panels)


def _rows(table: ScoreTable, candidates: Sequence[str]) -> list[int]:
    """Rows of the candidates in colour, in their order."""
    if len(candidates) > len(COLOURS):
        raise InvalidArgument(f"{len(candidates)} candidates: pass at most {len(COLOURS)}")
    unknown = [key for key in candidates if key not in table.candidates]
    if unknown:
        raise InvalidArgument(f"no candidate {unknown[0]!r} in the table: pass some of its own")
    if candidates:
        return [table.candidates.index(key) for key in dict.fromkeys(candidates)]
    return list(map(int, np.argsort(-az_rank(table), kind="stable")[:_SHOWN]))


def _line(
    table: ScoreTable, row: int, vector: ndarray, names: Sequence[str], coloured: list[int]
) -> Series:
    key = table.candidates[row]
    label = f"{row}: {key if len(key) <= _LONG else f'{key[: _LONG - 1]}…'}"
    told = names if len(names) == len(vector) else [""] * len(vector)
    return Series(
        label if row in coloured else "others",
        np.arange(1, len(vector) + 1, dtype=np.float64),
        np.asarray(vector, dtype=np.float64),
        COLOURS[coloured.index(row)] if row in coloured else GREY,
        lined=True,
        texts=[
            "\n".join(filter(None, (key, name, f"{value:.6g}")))
            for name, value in zip(told, vector, strict=True)
        ],
    )
