"""Regularized evolution on whole trainings."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from benchmarks.search.course import Course
from benchmarks.search.metered import MeteredScorer
from benchmarks.search.problems import Problem


def evolution(
    problem: Problem,
    course: Course,
    scorer: MeteredScorer,
    seed: int,
    population: int = 10,
    tournament: int = 3,
) -> None:
    """The oldest of a population gives way to a mutation of the best of a random few.

    Population and tournament are those of the authors of NAS-Bench-201, who had budgets like ours;
    the paper's 100 and 25 need thousands of trainings.

    References:
        Real et al., Regularized evolution, AAAI 2019, arXiv:1802.01548.
    """
    rng, whole = np.random.default_rng(seed), problem.epochs[-1]
    alive: deque[tuple[Any, float]] = deque(maxlen=population)
    while not course.over:
        if len(alive) < population:
            child = problem.space.sample(rng)
        else:
            few = rng.choice(population, tournament, replace=False)
            parent = max((alive[place] for place in few), key=lambda member: member[1])[0]
            child = problem.space.mutate(parent, rng)
        alive.append((child, course.train(problem.row(child), whole)))
