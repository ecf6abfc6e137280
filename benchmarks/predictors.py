"""How well predictors rank networks that they were not trained on, by labels.

    python -m benchmarks.predictors --data ../shared/data
    python -m benchmarks.predictors --data ../shared/data --dataset c100_kd

Networks, and their node-wise statistics, are those of ``benchmarks.nodewise``. On NAS-Bench-201
labels are validation accuracies, on CIFAR-10 of a training on half of it, and tau is with test
accuracies; on ViT-Bench-101 there is one accuracy a network and data set, which is both. Writes
``benchmarks/results/predictors_DATASET.csv`` and ``.json``; with ``--add`` these keep what they
hold of other methods and numbers of labels.
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
from benchmarks.rankers import METHODS, OF_CELLS, Make
from zc_plugins._progress import progress
from zc_plugins._shapes import ndarray
from zc_plugins.ranking import kendall_tau
from zc_plugins.scores import ScoreTable
from zc_plugins.tables.nasbench201 import DATASETS, nasbench201
from zc_plugins.tables.vitbench101 import vitbench101

RESULTS = Path(__file__).parent / "results"
LABELS = {"nasbench201": (78, 156, 469, 781), "vitbench101": (10, 30, 78, 120)}
"""Networks trained: of NAS-Bench-201 .5, 1, 3 and 5 %, as in ParZC and PINAT."""

TRANSFORMERS = ("c100_kd", "flower_kd", "chaoyang_kd", "imagenet_super")
"""Accuracies of ViT-Bench-101 that all 200 networks have."""

TIMES = ("fit_seconds", "predict_ms")
"""CPU seconds a fit, CPU milliseconds a network predicted."""


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


def labelled(dataset: str, data: str | None, candidates: Sequence[str]) -> tuple[ndarray, ndarray]:
    """Labels to learn from, and accuracies to rank by, of candidates of the data set's space."""
    if dataset in TRANSFORMERS:
        transformers = vitbench101(data)
        place = {text: row for row, text in enumerate(transformers.architectures)}
        only = transformers.accuracies[dataset][[place[text] for text in candidates]]
        return only, only
    cells = nasbench201(data, dataset)
    place = {cell: row for row, cell in enumerate(cells.architectures)}
    rows = [place[cell] for cell in candidates]
    return cells.validation[rows], cells.test[rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data")
    parser.add_argument("--dataset", choices=[*DATASETS, *TRANSFORMERS], default="cifar10")
    parser.add_argument("--labels", type=int, nargs="+", help="those of the space where left out")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--methods", nargs="+", choices=METHODS, help="all where left out")
    parser.add_argument("--add", action="store_true", help="to the lines of the file")
    parser.add_argument("--to", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    of = "vitbench101" if arguments.dataset in TRANSFORMERS else "nasbench201"
    table = nodewise.read(of)
    validation, test = labelled(arguments.dataset, arguments.data, table.candidates)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    methods = arguments.methods or [m for m in METHODS if of != "vitbench101" or m not in OF_CELLS]
    settings = [(name, labels) for name in methods for labels in arguments.labels or LABELS[of]]
    told = {
        "dataset": arguments.dataset,
        "seeds": list(seeds),
        "networks": len(table),
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
        add(lines, told, to, _place)
    print(json.dumps({**told, "rows": lines}))


def add(
    lines: Sequence[dict[str, Any]],
    told: dict[str, Any],
    to: Path,
    place: Callable[[Mapping[str, Any]], tuple[int, ...]],
) -> None:
    """Write what is known so far to what other calls have written, by place in the file."""
    before, calls = [], []
    if to.exists():
        with to.open(newline="") as file:
            before = list(csv.DictReader(file))
        calls = json.loads(to.with_suffix(".json").read_text())["calls"]
    mine = set(map(place, lines))
    others = [line for line in before if place(line) not in mine]
    calls = [call for call in calls if call != told]
    keep(sorted([*others, *lines], key=place), {"calls": [*calls, told]}, to)


def _place(line: Mapping[str, Any]) -> tuple[int, ...]:
    return list(METHODS).index(line["method"]), int(line["labels"])


def keep(lines: Sequence[dict[str, Any]], told: Mapping[str, Any], to: Path) -> None:
    """Write what is known so far."""
    with to.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    to.with_suffix(".json").write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
