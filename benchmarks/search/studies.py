"""Searches as Optuna studies, by names such as ``tpe+hyperband+sampler``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import optuna
from optuna.trial import TrialState

from benchmarks.search.course import Course
from benchmarks.search.metered import MeteredScorer
from benchmarks.search.problems import Problem
from zc_plugins.optuna import ZeroCostPruner, ZeroCostSampler, enqueue_best
from zc_plugins.predictors import Predictor
from zc_plugins.predictors.committee import committee
from zc_plugins.predictors.gaussian_process import gaussian_process

Make = Callable[[Problem, MeteredScorer, int], optuna.Study]

BASES: dict[str, Callable[[int], Any]] = {
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    # The default of 50 would leave one generation after the random one.
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(population_size=20, seed=seed),
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed),
}

PRUNERS: dict[str, Callable[[int, int], Any]] = {
    "halving": lambda factor, rungs: optuna.pruners.SuccessiveHalvingPruner(1, factor, 0),
    "hyperband": lambda factor, rungs: optuna.pruners.HyperbandPruner(
        1, factor ** (rungs - 1), factor
    ),
}

WAYS = {
    "enqueue": ("enqueue",), "pruner": ("pruner",), "sampler": ("sampler",),
    "all": ("enqueue", "pruner", "sampler"),
}  # fmt: skip

PREDICTORS: dict[str, Callable[[int], Predictor]] = {
    "gaussian_process": lambda seed: gaussian_process(),
    "committee": lambda seed: committee(seed=seed),
}

_MOST_PROPOSALS = 20


def study_of(name: str, learning: Callable[[int], Predictor] | None = None) -> Make:
    """Makes the study of a name: a base, a pruner if any, a way of ``WAYS`` if any.

    Args:
        name: joined by ``+``.
        learning: makes the predictor of our sampler and pruner, given a seed.
    """
    base, *parts = name.split("+")
    kind = next((part for part in parts if part in PRUNERS), "")
    ways = next((WAYS[part] for part in parts if part in WAYS), ())

    def make(problem: Problem, scorer: MeteredScorer, seed: int) -> optuna.Study:
        sampler: Any = BASES[base](seed)
        predictor = None if learning is None else learning(seed)
        pruner: Any = optuna.pruners.NopPruner()
        if kind:
            pruner = PRUNERS[kind](factor(problem), len(problem.epochs))
        if "sampler" in ways:
            sampler = ZeroCostSampler(sampler, problem.space, scorer, predictor=predictor)
        if "pruner" in ways:
            pruner = ZeroCostPruner(pruner, problem.space, scorer, predictor=predictor)
        # Hyperband draws the brackets by the study's name.
        study = optuna.create_study(
            study_name=f"seed {seed}", direction="maximize", sampler=sampler, pruner=pruner
        )
        if "enqueue" in ways:
            enqueue_best(study, problem.space, scorer, seed=seed, show_progress=False)
        return study

    return make


def factor(problem: Problem) -> int:
    """Of successive halving: the ratio of the recorded epochs, at most Optuna's default of 4."""
    return min(4, round(problem.epochs[-1] / problem.epochs[-2]))


def search(
    problem: Problem, course: Course, scorer: MeteredScorer, seed: int, make: Make, early: bool
) -> None:
    """Run the study until the budget is spent.

    Args:
        early: whether trials are trained at the recorded epochs before the whole training, each
            reported as a rung of successive halving (1, factor, factor squared, ...).
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    warnings.filterwarnings("ignore", message="no candidate could be scored")
    study = make(problem, scorer, seed)
    for _ in range(round(_MOST_PROPOSALS * course.units)):
        if course.over:
            return
        trial = study.ask()
        row = problem.row(problem.space.suggest(trial))
        # Before any training: ``ZeroCostPruner``.
        if trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
        elif early:
            _train_by_rungs(study, trial, row, course)
        else:
            study.tell(trial, course.train(row, problem.epochs[-1]))


def _train_by_rungs(study: optuna.Study, trial: optuna.Trial, row: int, course: Course) -> None:
    problem, done = course.problem, 0
    *rungs, whole = problem.epochs
    for place in range(_first_rung(study, trial), len(rungs)):
        trial.report(course.train(row, rungs[place], done), factor(problem) ** place)
        done = rungs[place]
        if trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return
    study.tell(trial, course.train(row, whole, done))


def _first_rung(study: optuna.Study, trial: optuna.Trial) -> int:
    """Hyperband's bracket: no trial is trained for a rung at which nobody would prune it."""
    if not isinstance(study.pruner, optuna.pruners.HyperbandPruner):
        return 0
    frozen = study._storage.get_trial(trial._trial_id)
    # The brackets are made at the first look.
    study.pruner.prune(study, frozen)
    return int(study.pruner._get_bracket_id(study, frozen))
