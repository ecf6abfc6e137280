"""Searches over real trainings, with and without zc_plugins: accuracy, and seconds in all.

    python -m benchmarks.real_training

A training is one that ``benchmarks.real_table`` did: it trained every network of three spaces. Each
study is a line of ``results/real/PROBLEM-studies.csv.gz`` (test accuracy in percent of the network
with the best validation accuracy after each training), the seeds one after the other: stop it and
call it again, and it goes on.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from scipy import stats

from benchmarks.provenance import provenance
from benchmarks.real_problems import PROBLEMS, Trained
from benchmarks.real_table import RECIPES, RESULTS, read, read_scores, space_of
from benchmarks.useful import BASES, BUDGETS
from zc_plugins._shapes import ndarray
from zc_plugins.optuna import (
    FilterThenTrainSampler,
    ZeroCostPruner,
    ZeroCostSampler,
    enqueue_best,
    trust,
)
from zc_plugins.ranking import bootstrap, kendall_tau
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces.module import ModuleSpace

POOL = 50
"""Networks that are drawn for a queue or a reference: a third of a space."""


@dataclass(frozen=True)
class Run:
    """One study: the recipe is empty for the base alone."""

    problem: str
    base: str
    way: str
    recipe: str
    seed: int


@dataclass(frozen=True)
class Course:
    """What a study came to.

    Attributes:
        test: accuracy in percent of the best by validation, after each training.
        training: CPU seconds spent on trainings by then.
        scoring: CPU seconds spent on scores by then.
    """

    test: list[float]
    training: list[float]
    scoring: list[float]


class Noting(Scorer):
    """A scorer that tells what it was asked to score, each once."""

    def __init__(self, of: Scorer) -> None:
        super().__init__(of.proxies, of.excitation, ensemble=of.ensemble, device=of.device)
        self.asked: set[str] = set()

    def score(self, *arguments: Any, **settings: Any) -> ScoreTable:
        table = super().score(*arguments, **settings)
        self.asked.update(table.candidates)
        return table


def _study(sampler: Any, pruner: Any = None) -> optuna.Study:
    return optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)


def _enqueue(base: Any, space: ModuleSpace, scorer: Scorer, seed: int) -> optuna.Study:
    study = _study(base, optuna.pruners.NopPruner())
    enqueue_best(study, space, scorer, pool=POOL, seed=seed)
    return study


def _pruner(space: ModuleSpace, scorer: Scorer) -> ZeroCostPruner:
    return ZeroCostPruner(None, space, scorer, reference_size=POOL)


def _all(base: Any, space: ModuleSpace, scorer: Scorer, seed: int) -> optuna.Study:
    study = _study(ZeroCostSampler(base, space, scorer), _pruner(space, scorer))
    enqueue_best(study, space, scorer, pool=POOL, seed=seed)
    return study


WAYS: dict[str, Callable[[Any, ModuleSpace, Scorer, int], optuna.Study]] = {
    "enqueue_best": _enqueue,
    "ZeroCostPruner": lambda base, space, scorer, _: _study(base, _pruner(space, scorer)),
    "ZeroCostSampler": lambda base, space, scorer, _: _study(
        ZeroCostSampler(base, space, scorer), optuna.pruners.NopPruner()
    ),
    "all three": _all,
    "FilterThenTrainSampler": lambda base, space, scorer, seed: _study(
        FilterThenTrainSampler(space, scorer, pool=POOL, others=base, seed=seed),
        optuna.pruners.NopPruner(),
    ),
}


def searched(run: Run, folder: Path, most: int = max(BUDGETS)) -> tuple[optuna.Study, Course]:
    """The study after so many trainings.

    Args:
        run: which.
        folder: of the kept trainings and scores.
        most: trainings.
    """
    problem, accuracy = PROBLEMS[run.problem], read(run.problem, folder)
    space = space_of(problem)
    recipe = run.recipe or "size"
    scorer = Noting(RECIPES[recipe](problem.input_shape, device="cpu"))
    kept = read_scores(run.problem, recipe, folder)
    scorer.remember(kept, space=space)
    seconds = dict(zip(kept.candidates, np.asarray(kept.seconds).tolist(), strict=True))
    base = BASES[run.base](seed=run.seed)
    way = WAYS.get(run.way)
    study = _study(base) if way is None else way(base, space, scorer, run.seed)
    done: list[Trained] = []
    scoring: list[float] = []

    def objective(trial: optuna.Trial) -> float:
        name = space.encode(space.suggest(trial))
        if way is not None and trial.should_prune():
            raise optuna.TrialPruned
        done.append(accuracy[name])
        scoring.append(sum(seconds[asked] for asked in scorer.asked))
        return accuracy[name].validation

    while len(done) < most:
        study.optimize(objective, n_trials=1)
    best = np.maximum.accumulate([t.validation for t in done])
    first = [next(t for t in done if t.validation == value) for value in best]
    spent = np.cumsum([t.seconds for t in done]).tolist()
    return study, Course([t.test for t in first], spent, scoring)


def runs(problem: str, seeds: int) -> Iterator[Run]:
    """All studies of a problem, seed by seed."""
    kinds = [("base", ""), *product(WAYS, RECIPES)]
    for seed, base in product(range(seeds), BASES):
        yield from (Run(problem, base, way, recipe, seed) for way, recipe in kinds)


def summary(found: dict[Run, Course]) -> Iterator[dict[str, Any]]:
    """Accuracy and seconds with the paired gain over the base, by what was asked for."""
    kinds = dict.fromkeys((r.problem, r.base, r.way, r.recipe) for r in found)
    for (problem, base, way, recipe), count in product(kinds, BUDGETS):
        pairs = [
            (course, found[Run(problem, base, "base", "", run.seed)])
            for run, course in found.items()
            if (run.problem, run.base, run.way, run.recipe) == (problem, base, way, recipe)
        ]
        mine = np.array([course.test[count - 1] for course, _ in pairs])
        gain = mine - np.array([theirs.test[count - 1] for _, theirs in pairs])
        yield {
            "problem": problem, "base": base, "way": way, "recipe": recipe, "trainings": count,
            "seeds": len(pairs), "test": round(float(mine.mean()), 2),
            "standard_error": round(float(stats.sem(mine)), 2), **_gain(gain),
            "training_seconds": _mean([course.training[count - 1] for course, _ in pairs]),
            "scoring_seconds": _mean([course.scoring[count - 1] for course, _ in pairs]),
        }  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 2)


def _gain(gain: ndarray) -> dict[str, float]:
    p = 1.0 if not gain.any() else float(stats.ttest_1samp(gain, 0)[1])
    error = round(float(stats.sem(gain)), 2)
    return {"gain": _mean(gain.tolist()), "gain_standard_error": error, "p": round(p, 4)}


def correlations(problem: str, folder: Path) -> dict[str, Any]:
    """Kendall's tau of each recipe with test accuracy over the space, with 95 % intervals."""
    told: dict[str, Any] = {"problem": problem}
    accuracy = read(problem, folder)
    for recipe, make in RECIPES.items():
        table = read_scores(problem, recipe, folder)
        test = np.array([accuracy[name].test for name in table.candidates])
        numbers = make(PROBLEMS[problem].input_shape, device="cpu").aggregate(table)
        tau = bootstrap(kendall_tau, numbers, test, resamples=200)
        told[recipe] = [round(v, 3) for v in (tau.value, tau.low, tau.high)]
        told[f"{recipe}_seconds"] = round(float(np.mean(np.asarray(table.seconds))), 4)
    told["training_seconds"] = _mean([t.seconds for t in accuracy.values()])
    told["best_test"] = max(t.test for t in accuracy.values())
    return told


def write(found: dict[Run, Course], to: Path) -> None:
    """Keep the courses."""
    with gzip.GzipFile(to, "wb", mtime=0) as file:
        rows = [",".join(field.name for field in (*fields(Run), *fields(Course)))]
        for run, course in found.items():
            numbers = (" ".join(f"{v:.2f}" for v in values) for values in astuple(course))
            rows.append(",".join([*map(str, astuple(run)), *numbers]))
        file.write(("\n".join(rows) + "\n").encode())


def read_studies(kept: Path) -> dict[Run, Course]:
    """The kept courses; none without a file."""
    if not kept.exists():
        return {}
    with gzip.open(kept, "rt", newline="") as file:
        rows = list(csv.reader(file))[1:]
    found = {}
    for problem, base, way, recipe, seed, *courses in rows:
        test, training, scoring = ([float(v) for v in text.split()] for text in courses)
        run = Run(problem, base, way, recipe, int(seed))
        found[run] = Course(test, training, scoring)
    return found


def courses(problem: str, arguments: argparse.Namespace) -> dict[Run, Course]:
    """The studies of a problem; those that are kept are not done again."""
    kept = arguments.out / f"{problem}-studies.csv.gz"
    found = read_studies(kept)
    for run in runs(problem, arguments.seeds):
        if run not in found:
            found[run] = searched(run, arguments.folder)[1]
            write(found, kept)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS), choices=list(PROBLEMS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--folder", type=Path, default=RESULTS, help="of the trainings and scores")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    # All of a trial's few proposals may be dead networks.
    warnings.filterwarnings("ignore", message="no candidate could be scored")
    start = time.process_time()
    found: dict[Run, Course] = {}
    for problem in arguments.problems:
        found |= courses(problem, arguments)
    rows = list(summary(found))
    with (arguments.out / "summary.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    told: dict[str, Any] = {"tau": [correlations(p, arguments.folder) for p in arguments.problems]}
    for problem in arguments.problems:
        run = Run(problem, "tpe", "ZeroCostSampler", "az_nas", 0)
        study, _ = searched(run, arguments.folder)
        scorer = RECIPES[run.recipe](PROBLEMS[problem].input_shape, device="cpu")
        told[f"trust, {problem}"] = str(trust(study, scorer, PROBLEMS[problem].build_model))
    told |= {"cpu_seconds": round(time.process_time() - start, 1), **provenance()}
    (arguments.out / "studies.json").write_text(json.dumps(told, indent=1) + "\n")
    for row in rows:
        print("  ".join(f"{value!s:>9}" for value in row.values()))
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
