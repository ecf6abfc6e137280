"""Genetic programming of a proxy for the networks whose accuracy is known."""

from __future__ import annotations

import multiprocessing
import os
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from zc_plugins._interrupts import deaf_to_interrupts
from zc_plugins._progress import progress
from zc_plugins.discovery._checkpoint import State, fingerprint
from zc_plugins.discovery._course import Candidates, Course, Judge, Settings
from zc_plugins.discovery.evolution import Evolution, ranked
from zc_plugins.discovery.fitness import Fitness, Verdict, judged, start
from zc_plugins.discovery.genome import Breeder
from zc_plugins.discovery.ground import Ground
from zc_plugins.errors import InvalidArgument

__all__ = ["Settings", "evolve"]


def evolve(
    grounds: Sequence[Ground],
    settings: Settings | None = None,
    *,
    generations: int = 40,
    seed: int = 0,
    workers: int = 1,
    checkpoint: str | os.PathLike[str] | None = None,
    show_progress: bool | None = None,
    stop: Callable[[], bool] | None = None,
) -> Evolution:
    """Evolve a proxy whose order of the training networks is that of their accuracy.

    Fitness is the least Kendall's tau of all splits, over grounds the least too or the mean. What
    is undefined, not finite, constant or a count in disguise is no proxy. Programs are judged once
    for each canonical form. The hall of fame is ranked by networks that fitness never sees.

    Args:
        grounds: of one or more spaces; their banks have the same columns.
        settings: the default ones if None.
        generations: after the first, random one.
        seed: of all draws.
        workers: processes that judge; the result is the same for any number.
        checkpoint: a file that keeps the state after each generation; where there is one, the
            evolution goes on from it as if it had never stopped.
        show_progress: None shows a bar on a terminal outside CI.
        stop: asked before each generation; True ends the evolution with what it has.

    Raises:
        InvalidArgument: if the banks' columns differ, or the checkpoint was edited or is another
            evolution's.
        MissingExtra: if DEAP is not installed.
        NothingScored: if no program of any generation is a proxy.

    References:
        Akhauri, Munoz, Jain and Iyer, EZNAS, NeurIPS 2022, arXiv:2209.07413.
    """
    settings = settings or Settings()
    fitness = Fitness(
        grounds, splits=settings.splits, seed=seed, over_grounds=settings.over_grounds
    )
    columns = grounds[0].bank.columns
    if any(ground.bank.columns != columns for ground in grounds):
        raise InvalidArgument("grounds whose banks have other columns: make them with the same")
    path = None if checkpoint is None else Path(checkpoint)
    kept = {**vars(settings), "seed": seed, "grounds": fingerprint(grounds)}
    state = State(random.Random(seed))
    if path is not None and path.exists():
        state = State.read(path, kept)
    numbers = range(len(state.history), generations + 1)
    with _judge(grounds, settings, seed, workers, fitness) as judge:
        course = Course(settings, Breeder(columns, state.rng, tallest=settings.tallest), state)
        for _ in progress(
            numbers, total=len(numbers), description="generations", state=course.told,
            show=show_progress,
        ):  # fmt: skip
            if stop is not None and stop():
                break
            course.step(judge, fitness)
            if path is not None:
                state.write(path, kept)
    return Evolution(ranked(course.fame(fitness)), tuple(state.history))


@contextmanager
def _judge(
    grounds: Sequence[Ground], settings: Settings, seed: int, workers: int, fitness: Fitness
) -> Iterator[Judge]:
    """What judges candidates in their order: this process, or several others."""
    if workers < 1:
        raise InvalidArgument(f"workers={workers}: pass 1 or more")
    if workers == 1:
        yield lambda candidates: [fitness(*candidate) for candidate in candidates]
        return
    context = multiprocessing.get_context("spawn")
    given = (list(grounds), settings.splits, seed, settings.over_grounds)
    with ProcessPoolExecutor(workers, context, start, given) as pool:

        def judge(candidates: Candidates) -> list[Verdict]:
            # The first call starts the processes.
            with deaf_to_interrupts():
                verdicts = pool.map(judged, candidates, chunksize=8)
            return list(verdicts)

        yield judge
