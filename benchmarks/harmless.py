"""What the sampler and the pruner lose where scores mislead, and gain where they are good.

    python -m benchmarks.harmless --data ../shared/data

Studies on the NAS-Bench-201 table as in ``benchmarks.useful``, with its scores as they are,
shuffled over the functions (another shuffle a seed) or with their signs turned, beside the base
sampler. Each study is a line of ``results/harmless.csv``, the seeds one after the other: stop it
and call it again, and it goes on.
"""

from __future__ import annotations

import argparse
import csv
import json
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from optuna.trial import TrialState
from scipy import stats

from benchmarks import scores
from benchmarks.pool import Setting
from benchmarks.provenance import provenance
from benchmarks.useful import BASES, objective
from zc_plugins._progress import progress
from zc_plugins._shapes import ndarray
from zc_plugins.optuna import FilterThenTrainSampler, ZeroCostPruner, ZeroCostSampler
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.tables.nasbench201 import NasBench201Table, nasbench201

SCORES = ("true", "shuffled", "flipped")
BUDGETS = (10, 30, 100)


@dataclass(frozen=True)
class Run:
    """One study.

    Attributes:
        way: ``"base"``, ``"sampler"``, ``"pruner"`` or ``"filter"``: ``FilterThenTrainSampler``,
            which takes the base's place and has no ``trust=False``.
        scores: which; empty for the base.
        trust: whether the evidence is followed.
    """

    dataset: str
    base: str
    way: str
    scores: str
    trust: bool
    seed: int


def told(run: Run) -> ScoreTable:
    """The kept scores as this run is told them."""
    table = scores.read("az_nas", "cifar10")
    if run.scores == "shuffled":
        drawn = np.random.default_rng(run.seed).permutation(len(table))
        table = table.rows(drawn.tolist())
    values = -table.values if run.scores == "flipped" else table.values
    return ScoreTable(
        _true_keys(), values, table.proxies, table.higher_is_better,
        notes=table.notes, degenerate=table.degenerate,
    )  # fmt: skip


@cache
def _true_keys() -> tuple[str, ...]:
    return scores.read("az_nas", "cifar10").candidates


@cache
def _table(data: str, dataset: str) -> tuple[NasBench201Table, dict[str, tuple[float, float]]]:
    table = nasbench201(data, dataset)
    both = zip(table.validation, table.test, strict=True)
    return table, dict(zip(table.architectures, both, strict=True))


def study_of(run: Run, space: NasBench201, scorer: Scorer) -> optuna.Study:
    """The study before its first training."""
    sampler: Any = BASES[run.base](seed=run.seed)
    pruner: Any = optuna.pruners.NopPruner()
    if run.way == "sampler":
        sampler = ZeroCostSampler(sampler, space, scorer, trust=run.trust)
    if run.way == "filter":
        sampler = FilterThenTrainSampler(space, scorer, seed=run.seed)
    if run.way == "pruner":
        pruner = ZeroCostPruner(None, space, scorer, trust=run.trust)
    return optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)


def regrets(run: Run, data: str, trainings: int = max(BUDGETS)) -> list[float]:
    """Regret in percent after each training."""
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    # A lone proposal may be a cell without a path.
    warnings.filterwarnings("ignore", message="no candidate could be scored")
    table, accuracy = _table(data, run.dataset)
    space = NasBench201()
    scorer = Setting.of("az_nas", f"nasbench201-{run.dataset}", 16, 0).scorer()
    if run.way != "base":
        scorer.remember(told(run), space=space)
    study, trained = study_of(run, space, scorer), objective(space, accuracy)
    complete: list[optuna.trial.FrozenTrial] = []
    while len(complete) < trainings:
        study.optimize(trained, n_trials=1)
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    validation = np.array([trial.value for trial in complete])
    test = np.array([trial.user_attrs["test"] for trial in complete])
    best = [int(np.argmax(validation[: count + 1])) for count in range(len(complete))]
    return [float(table.test.max() - test[place]) for place in best]


def row(run: Run, data: str) -> dict[str, str]:
    """One line of the result."""
    curve = regrets(run, data)
    found = {f"regret_{count}": f"{curve[count - 1]:.4f}" for count in BUDGETS}
    return {**{name: str(value) for name, value in asdict(run).items()}, **found}


def runs(arguments: argparse.Namespace) -> Iterator[Run]:
    """All studies that were asked for, seed by seed."""
    kinds = [("base", "", False)]
    kinds += [(way, kind, True) for way, kind in product(arguments.ways, SCORES)]
    kinds += [(way, "true", False) for way in arguments.ways if way != "filter"]
    kinds += [(way, "flipped", False) for way in arguments.ways if arguments.blind]
    for seed, dataset, base in product(range(arguments.seeds), arguments.datasets, arguments.bases):
        yield from (Run(dataset, base, way, kind, trust, seed) for way, kind, trust in kinds)


def summary(rows: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
    """Paired gain over the base, by what was asked for; over datasets, the mean of each seed's."""
    by = {
        tuple(r[k] for k in ("dataset", "base", "way", "scores", "trust", "seed")): r for r in rows
    }
    datasets = sorted({r["dataset"] for r in rows})
    kinds = dict.fromkeys((r["base"], r["way"], r["scores"], r["trust"]) for r in rows)
    for base, way, kind, trust in kinds:
        for dataset, count in product([*datasets, "all"], BUDGETS):
            gains: dict[str, list[float]] = {}
            for key, found in by.items():
                if key[1:5] == (base, way, kind, trust) and dataset in (key[0], "all"):
                    theirs = by.get((key[0], base, "base", "", "False", key[5]))
                    if way != "base" and theirs is not None:
                        gain = float(theirs[f"regret_{count}"]) - float(found[f"regret_{count}"])
                        gains.setdefault(key[5], []).append(gain)
            mean = np.array([np.mean(values) for values in gains.values()])
            if len(mean) > 1:
                yield {
                    "base": base, "way": way, "scores": kind, "trust": trust, "dataset": dataset,
                    "trainings": count, "seeds": len(mean), **_gain(mean),
                }  # fmt: skip


def _gain(gains: ndarray) -> dict[str, float]:
    p = 1.0 if not gains.any() else float(stats.ttest_1samp(gains, 0)[1])
    return {
        "gain": round(float(gains.mean()), 3),
        "standard_error": round(float(stats.sem(gains)), 3),
        "p_of_no_difference": round(p, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", default="../shared/data", help="folder of nb201_main.parquet")
    parser.add_argument("--datasets", nargs="+", default=["cifar10", "cifar100", "imagenet16-120"])
    parser.add_argument("--bases", nargs="+", default=list(BASES))
    parser.add_argument(
        "--ways", nargs="+", default=["sampler"], choices=["sampler", "pruner", "filter"]
    )
    parser.add_argument("--blind", action="store_true", help="flipped scores without trust, too")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=scores.RESULTS)
    arguments = parser.parse_args()
    target = arguments.out / "harmless.csv"
    kept = list(csv.DictReader(target.open(newline=""))) if target.exists() else []
    names = ("dataset", "base", "way", "scores", "trust", "seed")
    done = {tuple(line[name] for name in names) for line in kept}
    left = [r for r in runs(arguments) if tuple(map(str, asdict(r).values())) not in done]
    with ProcessPoolExecutor(arguments.processes) as executor, target.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not kept:
            writer.writerow([*names, *(f"regret_{count}" for count in BUDGETS)])
        found = executor.map(row, left, [arguments.data] * len(left))
        for line in progress(found, total=len(left), description="studies"):
            writer.writerow(line.values())
            file.flush()
            kept.append(line)
    (arguments.out / "harmless.json").write_text(json.dumps(provenance(), indent=1) + "\n")
    for result in summary(kept):
        print("  ".join(f"{value!s:>9}" for value in result.values()))


if __name__ == "__main__":
    main()
