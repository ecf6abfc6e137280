"""How well predictors rank NAS-Bench-201 cells that they were not trained on, by labels.

    python -m benchmarks.predictors --data ../shared/data

Labels are validation accuracies of a training on half of CIFAR-10; tau is with test accuracies of
trainings on all of it. Cells, and their node-wise statistics, are those of ``benchmarks.nodewise``.
Writes ``benchmarks/results/predictors_DATASET.csv`` and ``.json``; with ``--add`` these keep what
they hold of other methods and numbers of labels.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import nodewise
from benchmarks.provenance import provenance
from zc_plugins._progress import progress
from zc_plugins._shapes import ndarray
from zc_plugins.predictors import Predictor
from zc_plugins.predictors.committee import committee
from zc_plugins.predictors.kernel_regression import kernel_regression
from zc_plugins.predictors.mixer import mixer
from zc_plugins.predictors.mixer_authors import mixer_authors
from zc_plugins.predictors.random_forest import random_forest
from zc_plugins.predictors.ridge import ridge
from zc_plugins.predictors.sinusoidal_nodes import sinusoidal_nodes
from zc_plugins.predictors.training_free import training_free
from zc_plugins.ranking import kendall_tau
from zc_plugins.scores import ScoreTable
from zc_plugins.tables.nasbench201 import DATASETS, nasbench201

RESULTS = Path(__file__).parent / "results"
LABELS = (78, 156, 469, 781)
"""Networks trained: .5, 1, 3 and 5 % of the benchmark, as in ParZC and PINAT."""

SLOTTED = (
    "snip", "grad_norm", "plain", "fisher", "synflow", "l2_norm", "zico", "expressivity",
    "trainability",
)  # fmt: skip
"""Whose layers have common names, so that a mixer has 116 slots."""

RECIPES = {
    "recipe az_nas": ("expressivity", "progressivity", "trainability", "complexity"),
    "recipe best_training_free": ("complexity", "jacov", "meco", "progressivity", "swap"),
    "recipe size": ("params", "complexity"),
}

TIMES = ("fit_seconds", "predict_ms")
"""CPU seconds a fit, CPU milliseconds a network predicted."""

Make = Callable[[int, ScoreTable], Predictor]


def _ranked(proxies: Sequence[str]) -> Make:
    from zc_plugins.ensembles.readable_rank import readable_rank

    def score(table: ScoreTable, among: ScoreTable) -> ndarray:
        return readable_rank(table.only(proxies), among.only(proxies))

    return lambda _, population: training_free(score, population=population)


METHODS: Mapping[str, Make] = {
    "committee": lambda seed, _: committee(seed=seed),
    "trees: scores + layers + graph": lambda seed, _: random_forest(
        ["scores", "layers", "graph"], seed=seed
    ),
    "trees: graph": lambda seed, _: random_forest(["graph"], seed=seed),
    "random forest: scores": lambda seed, _: random_forest(random_thresholds=False, seed=seed),
    "kernel: all": lambda seed, _: kernel_regression(["scores", "layers", "graph", "parameters"]),
    "mixer: layers": lambda seed, _: mixer(SLOTTED, seed=seed),
    "mixer_authors": lambda seed, _: mixer_authors(seed=seed),
    "mixer_authors, width 64": lambda seed, _: mixer_authors(width=64, rate=1e-3, seed=seed),
    "ridge: layers": lambda seed, _: ridge(["layers"]),
    "ridge: scores": lambda seed, _: ridge(["scores"]),
    "ridge: one-hot": lambda seed, _: ridge(["parameters"]),
    "synflow": lambda _, population: training_free("synflow", population=population),
    "sinusoidal nodes: synflow": lambda _, population: sinusoidal_nodes(population=population),
    **{name: _ranked(proxies) for name, proxies in RECIPES.items()},
}


def measured(
    make: Make, table: ScoreTable, validation: ndarray, test: ndarray, labels: int, seed: int
) -> dict[str, float]:
    """One predictor on one split.

    Coverage is of validation accuracies, which are what it foretells, of live cells. The tau of
    new functions leaves out cells that compute what a trained one does.
    """
    order = [int(row) for row in np.random.default_rng(seed).permutation(len(table))]
    mine, others = order[:labels], order[labels:]
    trained, rest = table.rows(mine), table.rows(others)
    predictor = make(seed, table)
    start = time.process_time()
    fitted = predictor.fit(trained, validation[mine])
    middle = time.process_time()
    mean, std = fitted.predict(rest)
    end = time.process_time()
    live = np.isfinite(mean)
    off = np.abs(mean - validation[others])[live] / std[live]
    known = {tuple(sorted(parameters.items())) for parameters in trained.parameters}
    new = np.array([tuple(sorted(p.items())) not in known for p in rest.parameters])
    return {
        "tau": kendall_tau(mean, test[others]),
        "tau_new_functions": kendall_tau(mean[new], test[others][new]),
        "tau_best_tenth": _among_the_best(mean, test[others]),
        "covered_68": float((off < 1).mean()),
        "covered_95": float((off < 1.96).mean()),
        "fit_seconds": middle - start,
        "predict_ms": 1000 * (end - middle) / len(others),
    }


def _among_the_best(mean: ndarray, test: ndarray) -> float:
    best = test >= np.quantile(test, 0.9)
    return kendall_tau(mean[best], test[best])


def summary(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """Means over seeds, with the standard error of tau, and medians of times."""
    found = {
        name: float((np.median if name in TIMES else np.mean)([run[name] for run in runs]))
        for name in runs[0]
    }
    several = len(runs) > 1
    error = np.std([run["tau"] for run in runs], ddof=1) / np.sqrt(len(runs)) if several else np.nan
    return {"tau": found.pop("tau"), "standard_error": float(error), **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data")
    parser.add_argument("--dataset", choices=sorted(DATASETS), default="cifar10")
    parser.add_argument("--labels", type=int, nargs="+", default=LABELS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--add", action="store_true", help="to the lines of the file")
    parser.add_argument("--to", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    table, accuracies = nodewise.read(), nasbench201(arguments.data, arguments.dataset)
    place = {cell: row for row, cell in enumerate(accuracies.architectures)}
    rows = [place[cell] for cell in table.candidates]
    validation, test = accuracies.validation[rows], accuracies.test[rows]
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    settings = [(name, labels) for name in arguments.methods for labels in arguments.labels]
    told = {
        "dataset": arguments.dataset,
        "seeds": list(seeds),
        "cells": len(table),
        "tau_of_validation": round(kendall_tau(validation, test), 4),
        **provenance(),
    }
    to = arguments.to / f"predictors_{arguments.dataset}.csv"
    if not arguments.add:
        to.unlink(missing_ok=True)
    lines: list[dict[str, Any]] = []
    for name, labels in progress(settings, total=len(settings), description="fitting"):
        make = METHODS[name]
        runs = [measured(make, table, validation, test, labels, seed) for seed in seeds]
        numbers = {key: round(value, 4) for key, value in summary(runs).items()}
        lines.append({"method": name, "labels": labels, "seeds": len(runs), **numbers})
        add(lines, told, to)
    print(json.dumps({**told, "rows": lines}))


def add(lines: Sequence[dict[str, Any]], told: dict[str, Any], to: Path) -> None:
    """Write what is known so far to what other calls have written."""

    def place(line: Mapping[str, Any]) -> tuple[int, int]:
        return list(METHODS).index(line["method"]), int(line["labels"])

    before, calls = [], []
    if to.exists():
        with to.open(newline="") as file:
            before = list(csv.DictReader(file))
        calls = json.loads(to.with_suffix(".json").read_text())["calls"]
    mine = set(map(place, lines))
    others = [line for line in before if place(line) not in mine]
    calls = [call for call in calls if call != told]
    keep(sorted([*others, *lines], key=place), {"calls": [*calls, told]}, to)


def keep(lines: Sequence[dict[str, Any]], told: Mapping[str, Any], to: Path) -> None:
    """Write what is known so far."""
    with to.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    to.with_suffix(".json").write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
