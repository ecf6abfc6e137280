"""Regret of real studies on the NAS-Bench-201 table, with and without zc_plugins.

    python -m benchmarks.useful --data ../shared/data

A training is a look-up of the validation accuracy after 200 epochs; the regret is the table's best
test accuracy minus the test accuracy of the cell with the best validation accuracy so far. The
scores are those that ``python -m benchmarks.scores`` keeps, and are followed whatever the study
shows (``trust=False``); ``benchmarks.harmless`` measures what that changes.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import optuna
import torch
from scipy import stats

from benchmarks import scores
from benchmarks.pool import Setting
from benchmarks.provenance import provenance
from zc_plugins._progress import progress
from zc_plugins._shapes import ndarray
from zc_plugins.optuna import ZeroCostPruner, ZeroCostSampler, enqueue_best
from zc_plugins.scorer import Scorer
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.tables.nasbench201 import NasBench201Table, nasbench201

BASES: dict[str, Any] = {
    "random": optuna.samplers.RandomSampler,
    "tpe": optuna.samplers.TPESampler,
}
WAYS = ("base", "enqueue", "pruner", "sampler")
BUDGETS = (5, 10, 30)


@dataclass(frozen=True)
class Run:
    """One study."""

    base: str
    way: str
    seed: int
    dataset: str
    recipe: str
    data: str


def prepared(run: Run, space: NasBench201, scorer: Scorer) -> optuna.Study:
    """The study before its first training."""
    sampler: Any = BASES[run.base](seed=run.seed)
    pruner: Any = optuna.pruners.NopPruner()
    if run.way == "sampler":
        sampler = ZeroCostSampler(sampler, space, scorer, trust=False)
    if run.way == "pruner":
        pruner = ZeroCostPruner(None, space, scorer, trust=False)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    if run.way == "enqueue":
        enqueue_best(study, space, scorer, seed=run.seed)
    return study


def objective(
    space: NasBench201, accuracy: dict[str, tuple[float, float]]
) -> Callable[[optuna.Trial], float]:
    """Validation accuracy from the table; the test accuracy goes into a user attribute."""

    def trained(trial: optuna.Trial) -> float:
        cell = space.encode(space.suggest(trial))
        if trial.should_prune():
            raise optuna.TrialPruned
        validation, test = accuracy[cell]
        trial.set_user_attr("test", test)
        return validation

    return trained


def regrets(run: Run) -> list[float]:
    """Regret in percent after each training, for the largest budget."""
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    table: NasBench201Table = nasbench201(run.data, run.dataset)
    accuracy = dict(
        zip(table.architectures, zip(table.validation, table.test, strict=True), strict=True)
    )
    space = NasBench201()
    scorer = Setting.of(run.recipe, f"nasbench201-{run.dataset}", 16, 0).scorer()
    scorer.remember(scores.read(run.recipe, "cifar10"), space=space)
    study = prepared(run, space, scorer)
    trained = objective(space, accuracy)
    complete: list[optuna.trial.FrozenTrial] = []
    while len(complete) < max(BUDGETS):
        study.optimize(trained, n_trials=1)
        complete = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    validation = np.array([trial.value for trial in complete])
    test = np.array([trial.user_attrs["test"] for trial in complete])
    best = [int(np.argmax(validation[: count + 1])) for count in range(len(complete))]
    return [float(table.test.max() - test[place]) for place in best]


def summary(curves: dict[tuple[str, str, str], ndarray]) -> list[dict[str, Any]]:
    """Mean regret with standard error, and the paired difference to the base sampler."""
    rows = []
    for (dataset, base, way), values in curves.items():
        for budget in BUDGETS:
            mine, theirs = values[:, budget - 1], curves[dataset, base, "base"][:, budget - 1]
            gain = theirs - mine
            same = not gain.any()
            rows.append(
                {
                    "dataset": dataset,
                    "base": base,
                    "way": way,
                    "trainings": budget,
                    "regret": round(float(mine.mean()), 3),
                    "standard_error": round(float(stats.sem(mine)), 3),
                    "gain": round(float(gain.mean()), 3),
                    "gain_standard_error": round(float(stats.sem(gain)), 3),
                    "p_of_no_gain": 1.0 if same else round(float(stats.ttest_1samp(gain, 0)[1]), 4),
                }
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", default="../shared/data", help="folder of nb201_main.parquet")
    parser.add_argument("--datasets", nargs="+", default=["cifar10", "cifar100", "imagenet16-120"])
    parser.add_argument("--recipe", default="az_nas")
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true", help="print one line of JSON a row")
    arguments = parser.parse_args()
    runs = [
        Run(base, way, seed, dataset, arguments.recipe, arguments.data)
        for dataset, base, way, seed in product(
            arguments.datasets, BASES, WAYS, range(arguments.seeds)
        )
    ]
    with ProcessPoolExecutor(arguments.processes) as executor:
        done = list(progress(executor.map(regrets, runs), total=len(runs), description="studies"))
    curves: dict[tuple[str, str, str], ndarray] = {}
    for dataset, base, way in product(arguments.datasets, BASES, WAYS):
        curves[dataset, base, way] = np.array(
            [
                c
                for r, c in zip(runs, done, strict=True)
                if (r.dataset, r.base, r.way) == (dataset, base, way)
            ]
        )
    rows = summary(curves)
    target = scores.RESULTS / "useful.csv"
    with target.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    (scores.RESULTS / "useful.json").write_text(
        json.dumps({"seeds": arguments.seeds, **provenance()}, indent=1) + "\n"
    )
    for row in rows:
        print(json.dumps(row) if arguments.json else "  ".join(f"{v!s:>9}" for v in row.values()))


if __name__ == "__main__":
    main()
