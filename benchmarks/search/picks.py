"""Training-free picks: the best of a pool, then the next ones in order."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.search.course import Course
from benchmarks.search.metered import MeteredScorer
from benchmarks.search.problems import Problem, best_first

POOL = 1000


def picks(problem: Problem, course: Course, scorer: MeteredScorer, seed: int) -> None:
    """Train the best by AZ-NAS's rank of a random pool, which is scored first."""
    pool = _pool(problem, seed)
    table = scorer.score(pool, space=problem.space, show_progress=False)
    _train(course, pool, scorer.aggregate(table))


def picks_by_size(problem: Problem, course: Course, scorer: MeteredScorer, seed: int) -> None:
    """Train those with the most multiply-adds first, which are counted for free."""
    pool = _pool(problem, seed)
    places = {key: place for place, key in enumerate(problem.scores.candidates)}
    keys = [problem.space.encode(problem.space.canonical(a)) for a in pool]
    complexity = problem.scores.column("complexity")[[places[key] for key in keys]]
    _train(course, pool, np.nan_to_num(complexity, nan=-np.inf))


def _pool(problem: Problem, seed: int) -> list[Any]:
    """A random pool, each function once."""
    rng = np.random.default_rng(seed)
    drawn: dict[str, Any] = {}
    for _ in range(POOL):
        architecture = problem.space.sample(rng)
        drawn.setdefault(problem.space.encode(problem.space.canonical(architecture)), architecture)
    return list(drawn.values())


def _train(course: Course, pool: list[Any], numbers: Any) -> None:
    for place in best_first(numbers):
        if course.over:
            return
        row = course.problem.row(pool[place])
        course.train(row, course.problem.epochs[-1])
