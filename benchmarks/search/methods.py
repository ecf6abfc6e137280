"""The methods by name; a new one is a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product

from benchmarks.search.course import Course
from benchmarks.search.evolution import evolution
from benchmarks.search.filtered import filter_then_train
from benchmarks.search.metered import MeteredScorer
from benchmarks.search.picks import picks, picks_by_size
from benchmarks.search.problems import Problem
from benchmarks.search.studies import PREDICTORS, PRUNERS, WAYS, Make, search, study_of

Run = Callable[[Problem, Course, MeteredScorer, int], None]


@dataclass(frozen=True)
class Method:
    """One way to search.

    Attributes:
        run: spends the budget of a course, given a seed.
        base: the method that it is compared with, seed by seed.
        early: whether it uses trainings of fewer epochs, so that it needs tables that have them.
        most: whole trainings after which it ends, for those that are slow.
        only: how the names of its problems begin.
    """

    run: Run
    base: str = "random"
    early: bool = False
    most: int = 10**9
    only: str = ""


def of_study(make: Make, base: str = "random", early: bool = False, most: int = 10**9) -> Method:
    """A method of the studies that ``make`` prepares."""
    return Method(partial(search, make=make, early=early), base, early, most)


def _named(name: str) -> Method:
    """Of a name that ``study_of`` reads: without its way of zc_plugins it is its own base."""
    *parts, last = name.split("+")
    base = "+".join(parts) if last in WAYS else "random"
    early = any(part in PRUNERS for part in [*parts, last])
    return of_study(study_of(name), base, early, 30 if name.startswith("gp") else 10**9)


_PLAIN = [f"{base}{pruner}" for base, pruner in product(
    ("random", "tpe", "nsga2", "gp"), ("", "+halving", "+hyperband"))]  # fmt: skip
_WITH_SCORES = [f"{base}+{way}" for base, way in product(
    ("random", "tpe", "random+hyperband", "tpe+halving", "tpe+hyperband"), WAYS)]  # fmt: skip

_FILTERED = {
    f"filter_then_train{pruner}:{recipe}": Method(
        partial(filter_then_train, recipe=recipe, early=bool(pruner)),
        f"tpe{pruner}",
        early=bool(pruner),
        # Each proposal takes longer than the one before.
        most=30 if pruner else 50,
        only="nasbench201" if recipe == "best_training_free" else "",
    )
    for recipe, pruner in product(("az_nas", "complexity", "best_training_free"), ("", "+halving"))
}

_LEARNED = {
    f"filter_then_train:{recipe}, committee": Method(
        partial(filter_then_train, recipe=recipe, early=False, learned=True),
        f"filter_then_train:{recipe}",
        most=30,
        only="nasbench201",
    )
    for recipe in ("az_nas", "best_training_free")
}

_LEARNED |= {
    f"{way}, {predictor}": of_study(
        study_of(way, PREDICTORS[predictor]), way, most=30 if predictor == "committee" else 10**9
    )
    for way, predictor in (
        ("tpe+sampler", "gaussian_process"),
        ("tpe+sampler", "committee"),
        ("tpe+pruner", "gaussian_process"),
        ("random+sampler", "gaussian_process"),
        ("random+pruner", "gaussian_process"),
    )
}

METHODS: dict[str, Method] = {
    **{name: _named(name) for name in _PLAIN},
    "evolution": Method(evolution),
    **{name: _named(name) for name in _WITH_SCORES},
    **_FILTERED,
    **_LEARNED,
    "picks": Method(picks, base="picks_by_size"),
    "picks_by_size": Method(picks_by_size),
}

TRAINED = (*_PLAIN, "evolution")
"""Those that score nothing."""
