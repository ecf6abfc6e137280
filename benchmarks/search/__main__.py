"""Regret of searches over seconds of training and scoring, with and without zc_plugins.

    python -m benchmarks.search --data ../shared/data --seeds 30 --problems nasbench201-cifar10

Each study looks its trainings up in a table and pays the recorded seconds; scores are looked up in
kept ones and pay the CPU seconds that were measured, the first time in each study. Studies are kept
seed by seed in ``results/search``: stop it and call it again, and it goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.provenance import provenance
from benchmarks.search import summary
from benchmarks.search.course import Course, Point
from benchmarks.search.kept import Kept, Study
from benchmarks.search.metered import MeteredScorer
from benchmarks.search.methods import METHODS
from benchmarks.search.problems import names, problem
from zc_plugins._progress import progress


@dataclass(frozen=True)
class Run:
    """One study of a problem."""

    problem: str
    study: Study
    units: float
    data: str


def points(run: Run) -> list[Point]:
    """The course of the study."""
    torch.set_num_threads(1)
    searched, method = problem(run.problem, run.data), METHODS[run.study.method]
    course = Course(searched, run.units, method.most)
    method.run(searched, course, MeteredScorer(searched, course.pay), run.study.seed)
    return course.ended()


def add_studies(name: str, arguments: argparse.Namespace, executor: ProcessPoolExecutor) -> None:
    """Run what the problem's file lacks, and keep it after each seed."""
    searched, kept = problem(name, arguments.data), Kept(arguments.out, name)
    methods = [
        name_of_method
        for name_of_method in arguments.methods
        if (len(searched.epochs) > 1 or not METHODS[name_of_method].early)
        and name.startswith(METHODS[name_of_method].only)
    ]
    facts = {
        "metric": searched.table.metric,
        "architectures": len(searched.table.architectures),
        "epochs": list(searched.epochs),
        "mean_seconds": searched.mean_seconds,
        "blind_regret": searched.blind_regret,
        "mean_scoring_seconds": float(searched.scores.seconds.mean()),
        "runs": kept.facts().get("runs", []),
    }
    made = {"units": arguments.units, **provenance()}
    done, start = kept.done(), time.perf_counter()
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        studies = [s for s in (Study(m, seed) for m in methods) if s not in done]
        if not studies:
            continue
        runs = [Run(name, study, arguments.units, arguments.data) for study in studies]
        found = executor.map(points, runs)
        shown = progress(found, total=len(runs), description=f"{name}, seed {seed}")
        both = list(zip(studies, shown, strict=True))
        latest = {**made, "last_seed": seed, "seconds": round(time.perf_counter() - start, 1)}
        kept.add(both, {**facts, "runs": [*facts["runs"], latest]})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", default="../shared/data", help="folder of the tables")
    parser.add_argument("--problems", nargs="+", default=names(), choices=names(), metavar="NAME")
    parser.add_argument(
        "--methods", nargs="+", default=list(METHODS), choices=list(METHODS), metavar="NAME"
    )
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--units", type=float, default=100, help="budget, in mean trainings")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Kept.default(), help="folder of the results")
    parser.add_argument("--json", action="store_true", help="print one line of JSON a row")
    arguments = parser.parse_args()
    with ProcessPoolExecutor(arguments.processes) as executor:
        for name in arguments.problems:
            add_studies(name, arguments, executor)
    for row in summary.write(arguments.out, names()):
        if row["problem"] in arguments.problems:
            print(json.dumps(row) if arguments.json else _line(row))


def _line(row: dict[str, Any]) -> str:
    return "  ".join(f"{value!s:>9}" for value in row.values())


if __name__ == "__main__":
    main()
