"""Scoring that Ctrl-C ends early, with what was scored in hand."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from zc_plugins.cli._pool import Candidate
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable


def scored(pool: Sequence[Candidate], scorer: Scorer) -> tuple[ScoreTable | None, bool]:
    """The table of the candidates, named as the user names them, and whether Ctrl-C cut it short.

    The first Ctrl-C lets the network in work come to its end; the second does not. The table is
    None if there is no row.
    """
    tables: list[ScoreTable] = []
    with _stoppable() as stop, _bar() as bar:
        work = bar.add_task("scoring", total=len(pool))
        try:
            for candidate in pool:
                tables.append(
                    scorer.score([candidate.item], space=candidate.space, show_progress=False)
                )
                bar.advance(work)
                if stop.is_set():
                    break
        except KeyboardInterrupt:
            stop.set()
    names = [candidate.name for candidate in pool[: len(tables)]]
    return (_joined(tables, names) if tables else None), stop.is_set()


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


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; the second raises KeyboardInterrupt."""
    stop = threading.Event()

    def handle(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        # Not print, which the signal may have interrupted.
        os.write(2, b"\nstopping after this network; Ctrl-C again stops at once\n")

    before = signal.getsignal(signal.SIGINT)
    # Under nohup it is ignored and stays so; only the main thread may set a handler.
    ours = before is signal.default_int_handler and (
        threading.current_thread() is threading.main_thread()
    )
    if ours:
        signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        if ours:
            signal.signal(signal.SIGINT, before)
