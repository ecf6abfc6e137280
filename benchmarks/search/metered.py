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
    """A recipe whose networks are never built.

    Args:
        problem: with the kept scores.
        pay: told the measured seconds of an architecture the first time it is scored.
        recipe: ``"az_nas"``; ``"complexity"``: multiply-adds, counted for free; or
            ``"best_training_free"``, where the problem has its scores.
    """

    def __init__(
        self, problem: Problem, pay: Callable[[float], None], recipe: str = "az_nas"
    ) -> None:
        kept = problem.scores if recipe != "best_training_free" else problem.better_scores()
        made = recipes.size if recipe == "complexity" else getattr(recipes, recipe)
        like: Scorer = made((3, 32, 32), device="cpu")
        names = ["complexity"] if recipe == "complexity" else [p.name for p in like.proxies]
        super().__init__(names, like.excitation, ensemble=like.ensemble, device="cpu")
        self.remember(kept, space=problem.space)
        spent = 0 * kept.seconds if recipe == "complexity" else kept.seconds
        self._unpaid = dict(zip(kept.candidates, map(float, spent), strict=True))
        self._pay = pay

    def score(
        self,
        pool: Iterable[Any],
        *,
        space: SearchSpace[Any] | None = None,
        show_progress: bool | None = None,
        workers: int | str = "auto",
        executor: object = None,
    ) -> ScoreTable:
        """The table of the pool, which is paid for."""
        table = super().score(pool, space=space, show_progress=show_progress, workers=1)
        for key in table.candidates:
            self._pay(self._unpaid.pop(key, 0.0))
        return table
