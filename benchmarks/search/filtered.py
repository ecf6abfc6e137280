"""``FilterThenTrainSampler``, alone and with successive halving."""

from __future__ import annotations

import optuna

from benchmarks.search.course import Course
from benchmarks.search.metered import MeteredScorer
from benchmarks.search.problems import Problem
from benchmarks.search.studies import PRUNERS, factor, search
from zc_plugins.optuna import FilterThenTrainSampler
from zc_plugins.predictors.committee import committee


def filter_then_train(
    problem: Problem,
    course: Course,
    scorer: MeteredScorer,
    seed: int,
    recipe: str,
    early: bool,
    learned: bool = False,
) -> None:
    """Run the study until the budget is spent.

    Args:
        recipe: of ``MeteredScorer``, which takes the place of ``scorer``.
        early: whether successive halving stops trainings at the recorded epochs.
        learned: whether a committee of predictors, fitted anew for each proposal, takes the place
            of the Gaussian process.
    """
    metered = MeteredScorer(problem, course.pay, recipe)

    def make(problem: Problem, _: MeteredScorer, seed: int) -> optuna.Study:
        pruner = (
            PRUNERS["halving"](factor(problem), len(problem.epochs))
            if early
            else optuna.pruners.NopPruner()
        )
        predictor = committee(seed=seed) if learned else None
        sampler = FilterThenTrainSampler(problem.space, metered, predictor=predictor, seed=seed)
        return optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)

    search(problem, course, scorer, seed, make, early)
