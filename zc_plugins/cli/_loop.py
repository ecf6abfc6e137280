"""Scoring that Ctrl-C ends early, with what was scored in hand."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence
from contextlib import closing

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from zc_plugins.cli._pool import Candidate
from zc_plugins.cli._stoppable import stoppable
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable


def scored(
    pool: Sequence[Candidate], scorer: Scorer, workers: int | str
) -> tuple[ScoreTable | None, bool]:
    """The table of the candidates, named as the user names them, and whether Ctrl-C cut it short.

    The first Ctrl-C lets the networks in work come to their end; the second does not. The table is
    None if there is no row.
    """
    tables: dict[int, ScoreTable] = {}
    with stoppable() as stop, _bar() as bar:
        work = bar.add_task("scoring", total=len(pool))
        try:
            with closing(_streamed(pool, scorer, workers)) as stream:
                for place, table in stream:
                    tables[place] = table
                    bar.advance(work)
                    if stop.is_set():
                        break
        except KeyboardInterrupt:
            stop.set()
    done = sorted(tables)
    joined = _joined([tables[place] for place in done], [pool[place].name for place in done])
    return (joined if tables else None), stop.is_set()


def _streamed(
    pool: Sequence[Candidate], scorer: Scorer, workers: int | str
) -> Generator[tuple[int, ScoreTable]]:
    """Places and tables, neighbours of one space together."""
    runs = itertools.groupby(enumerate(pool), key=lambda pair: id(pair[1].space))
    for run in (list(pairs) for _, pairs in runs):
        items, space = [candidate.item for _, candidate in run], run[0][1].space
        for place, table in scorer.stream(items, space=space, workers=workers):
            yield run[place][0], table


def _joined(tables: Sequence[ScoreTable], names: Sequence[str]) -> ScoreTable:
    first = tables[0]
    return ScoreTable(
        names,
        np.concatenate([table.values for table in tables]),
        first.proxies,
        first.higher_is_better,
        {proxy: [table.layers[proxy][0] for table in tables] for proxy in first.proxies},
        np.concatenate([table.seconds for table in tables]),
        [table.notes[0] for table in tables],
        [table.degenerate[0] for table in tables],
    )


def _bar() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
