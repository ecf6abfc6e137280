"""Every network of three small spaces trained and scored once, for ``benchmarks.real_training``.

    python -m benchmarks.real_table --data ../shared/data

Writes ``results/real/PROBLEM.csv.gz`` (network, validation and test accuracy in percent, CPU
seconds of the training) and ``PROBLEM-RECIPE.csv.gz`` (scores, CPU seconds of building and
scoring), and command and versions beside them.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import time
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch

from benchmarks import scores
from benchmarks.provenance import provenance
from benchmarks.real_problems import PROBLEMS, Data, Problem, Trained, trained
from zc_plugins import recipes
from zc_plugins._progress import progress
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces.module import ModuleSpace, Suggestions

RESULTS = scores.RESULTS / "real"
RECIPES = {
    "az_nas": recipes.az_nas,
    "best_training_free": recipes.best_training_free,
    "size": recipes.size,
}


def space_of(problem: Problem) -> ModuleSpace:
    """The builder's networks."""
    return ModuleSpace(problem.build_model)


def everything(space: ModuleSpace, most: int | None = None) -> list[Suggestions]:
    """All architectures of a space, or so many of them at random; each once."""
    found: list[Suggestions] = []

    def visit(trial: optuna.Trial) -> float:
        found.append(space.suggest(trial))
        return 0.0

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings(category=optuna.exceptions.ExperimentalWarning, action="ignore"):
        sampler = optuna.samplers.BruteForceSampler(seed=0)
    study = optuna.create_study(sampler=sampler)
    study.optimize(visit, n_trials=most)
    return found


def trainings(problem: Problem, data: Data, pool: list[Suggestions]) -> list[Trained]:
    """One training each, all from the same seed."""
    space = space_of(problem)
    done = (trained(partial(space.build, a), data, problem.epochs) for a in pool)
    return list(progress(done, total=len(pool), description="training"))


def scored(scorer: Scorer, space: ModuleSpace, pool: list[Suggestions]) -> ScoreTable:
    """The pool's scores; seconds are CPU time of one thread, building included."""
    rows, spent = [], []
    for architecture in progress(pool, total=len(pool), description="scoring"):
        start = time.process_time()
        rows.append(scorer.score([architecture], space=space, show_progress=False, workers=1))
        spent.append(time.process_time() - start)
    return ScoreTable(
        [row.candidates[0] for row in rows],
        np.concatenate([row.values for row in rows]),
        rows[0].proxies,
        rows[0].higher_is_better,
        seconds=np.array(spent),
        notes=[row.notes[0] for row in rows],
        degenerate=[row.degenerate[0] for row in rows],
    )


def write(found: dict[str, Trained], to: Path) -> None:
    """Keep the trainings by the name of the network."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["network", "validation", "test", "seconds"])
    for name, t in found.items():
        writer.writerow([name, f"{t.validation:.4f}", f"{t.test:.4f}", f"{t.seconds:.4f}"])
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def read(name: str, folder: Path = RESULTS) -> dict[str, Trained]:
    """The kept trainings of a problem."""
    with gzip.open(folder / f"{name}.csv.gz", "rt", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return {row[0]: Trained(float(row[1]), float(row[2]), float(row[3])) for row in rows}


def read_scores(name: str, recipe: str, folder: Path = RESULTS) -> ScoreTable:
    """The kept scores of a problem's networks."""
    return scores.read_from(folder / f"{name}-{recipe}.csv.gz")


def make(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Train and score one problem's networks, and keep both."""
    start = time.process_time()
    problem = PROBLEMS[name]
    problem = replace(problem, epochs=arguments.epochs or problem.epochs)
    space = space_of(problem)
    pool = everything(space, arguments.architectures)
    found = trainings(problem, problem.data(arguments.data), pool)
    write(dict(zip(map(space.encode, pool), found, strict=True)), arguments.out / f"{name}.csv.gz")
    for recipe, make_scorer in RECIPES.items():
        table = scored(make_scorer(problem.input_shape, device="cpu"), space, pool)
        scores.write(table, arguments.out / f"{name}-{recipe}.csv.gz")
    spent = round(time.process_time() - start, 1)
    told = {"networks": len(pool), "epochs": problem.epochs, "cpu_seconds": spent, **provenance()}
    (arguments.out / f"{name}.json").write_text(json.dumps(told, indent=1) + "\n")
    return {"problem": name, **told}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS), choices=list(PROBLEMS))
    parser.add_argument("--architectures", type=int, help="at random; all where left out")
    parser.add_argument("--epochs", type=int, help="the problem's own where left out")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.problems:
        print(json.dumps(make(name, arguments)), flush=True)


if __name__ == "__main__":
    main()
