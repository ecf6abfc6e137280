"""A scorer that takes kept scores for its own, and pays for each architecture once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.search.problems import Problem
from zc_plugins import recipes
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces import SearchSpace


class MeteredScorer(Scorer):
    """``recipes.az_nas`` whose networks are never built.

    Args:
        problem: with the kept scores.
        pay: told the measured seconds of an architecture the first time it is scored.
    """

    def __init__(self, problem: Problem, pay: Callable[[float], None]) -> None:
        recipe = recipes.az_nas((3, 32, 32), device="cpu")
        super().__init__(recipe.proxies, recipe.excitation, ensemble=recipe.ensemble, device="cpu")
        self.remember(problem.scores, space=problem.space)
        spent = problem.scores.seconds
        self._unpaid = dict(zip(problem.scores.candidates, map(float, spent), strict=True))
        self._pay = pay

    def score(
        self,
        pool: Iterable[Any],
        *,
        space: SearchSpace[Any] | None = None,
        show_progress: bool | None = None,
        workers: int | str = "auto",
    ) -> ScoreTable:
        """The table of the pool, which is paid for."""
        table = super().score(pool, space=space, show_progress=show_progress, workers=1)
        for key in table.candidates:
            self._pay(self._unpaid.pop(key, 0.0))
        return table
