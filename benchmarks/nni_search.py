"""Regret of NNI's own strategies and of ours on NNI's NAS-Bench-201 space.

    python -m benchmarks.nni_search --data ../shared/data --seeds 20

A training is a look-up of the validation accuracy after 200 epochs; the regret is the table's best
test accuracy minus the test accuracy of the model with the best validation accuracy so far.
Strategies run on NNI's sequential engine. Scores are those that ``python -m benchmarks.scores``
keeps for what a cell computes; multiply-adds are those of NNI's network, which runs idle operations
too. ``--check 100`` scores that many networks of NNI anew, and tells how well the ranks agree.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import nni
import numpy as np
import torch
from scipy import stats

# Makes nni.nas importable: it comes first.
import zc_plugins.nni as zc  # isort: split

from nni.nas.evaluator import Evaluator
from nni.nas.execution import SequentialExecutionEngine
from nni.nas.hub.pytorch import NasBench201 as HubSpace
from nni.nas.space import ExecutableModelSpace, SimplifiedModelSpace
from nni.nas.strategy import Random, RegularizedEvolution
from nni.nas.strategy.middleware import Chain

from benchmarks import scores
from benchmarks.pool import Setting
from benchmarks.provenance import provenance
from zc_plugins._progress import progress
from zc_plugins._shapes import ndarray
from zc_plugins.ranking import kendall_tau
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces.nasbench201 import EDGES, Cell, NasBench201
from zc_plugins.tables.nasbench201 import nasbench201

BUDGETS = (5, 10, 30, 50)
DATASETS = ("cifar10", "cifar100", "imagenet16-120")
EVOLUTION = {"population_size": 10, "sample_size": 5}
"""Real's 100 and 25, NNI's defaults, would be random search for 50 trainings. Ours has the same."""

CONVOLUTIONS = ("nor_conv_1x1", "nor_conv_3x3")

Make = Callable[[Scorer, zc.NniSpace, int], Any]
STRATEGIES: dict[str, Make] = {
    "Random": lambda scorer, space, seed: Random(seed=seed),
    "RegularizedEvolution": lambda scorer, space, seed: RegularizedEvolution(
        **EVOLUTION, seed=seed
    ),
    "Chain(Random, ZeroCostFilter)": lambda scorer, space, seed: Chain(
        Random(seed=seed),
        zc.ZeroCostFilter(
            scorer,
            space.executable,
            reference=scorer.reference(space, seed=seed, show_progress=False),
        ),
    ),
    "ZeroCostStrategy": lambda scorer, space, seed: zc.ZeroCostStrategy(
        scorer, top=max(BUDGETS), seed=seed
    ),
    "ZeroCostEvolution": lambda scorer, space, seed: zc.ZeroCostEvolution(scorer, seed=seed),
    "ZeroCostEvolution(candidates=1)": lambda scorer, space, seed: zc.ZeroCostEvolution(
        scorer, seed=seed, candidates=1
    ),
}


def cell_of(sample: Any) -> Cell:
    """Our cell of a sample of NNI's space."""
    chosen = (sample[f"cell/{source}_{target}"] for source, target in EDGES)
    return Cell(tuple(op.replace("conv_", "nor_conv_") for op in map(str, chosen)))


class LookUp(Evaluator):  # type: ignore[misc]
    """Reports the validation accuracy of a table; builds nothing.

    Args:
        validation: percent by published string.

    Attributes:
        trained: published strings, in order.
    """

    def __init__(self, validation: dict[str, float]) -> None:
        self.validation = validation
        self.trained: list[str] = []

    def _execute(self, model: ExecutableModelSpace) -> float:
        key = NasBench201().encode(cell_of(model.sample))
        self.trained.append(key)
        nni.report_final_result(self.validation[key])
        return self.validation[key]


def known(space: zc.NniSpace) -> ScoreTable:
    """The kept scores for all 15,625 architectures of NNI's space."""
    kept, own = scores.read("az_nas", "cifar10"), NasBench201()
    place = {key: row for row, key in enumerate(kept.candidates)}
    cells = list(own)
    rows = [place[own.encode(own.canonical(cell))] for cell in cells]
    values = kept.values[rows]
    complexity = kept.proxies.index("complexity")
    counts = np.array([[1, *map(cell.operations.count, CONVOLUTIONS)] for cell in cells], float)
    canonical = [own.canonical(cell) == cell for cell in cells]
    fitted = np.isfinite(values[:, complexity]) & canonical
    # Multiply-adds are a sum over the convolutions.
    weights = np.linalg.lstsq(counts[fitted], values[fitted, complexity])[0]
    counted = counts @ weights
    values[:, complexity] = np.where(np.isnan(values[:, complexity]), np.nan, counted)
    # Scores of cells that compute the same differ in their noise; equal ones are taken for one.
    expressivity = kept.proxies.index("expressivity")
    values[:, expressivity] *= 1 + 1e-9 * np.random.default_rng(0).random(len(cells))
    return ScoreTable(
        [space.encode(space.of(sample_of(cell))) for cell in cells],
        values,
        kept.proxies,
        kept.higher_is_better,
        seconds=np.asarray(kept.seconds)[rows],
        notes=[kept.notes[row] for row in rows],
        degenerate=[kept.degenerate[row] for row in rows],
    )


def sample_of(cell: Cell) -> dict[str, str]:
    """The sample of NNI's space that is our cell."""
    names = [f"cell/{source}_{target}" for source, target in EDGES]
    return dict(
        zip(names, (op.replace("nor_conv_", "conv_") for op in cell.operations), strict=True)
    )


def curve(make: Make, scorer: Scorer, space: zc.NniSpace, dataset: Any, seed: int) -> list[float]:
    """Regret in percent after each training, for the largest budget."""
    evaluator = LookUp(dict(zip(dataset.architectures, dataset.validation.tolist(), strict=True)))
    executable = SimplifiedModelSpace(space.executable.model, space.executable.mutables, evaluator)
    strategy = make(scorer, space, seed)
    strategy(executable, SequentialExecutionEngine(max(BUDGETS)))
    place = {key: row for row, key in enumerate(dataset.architectures)}
    rows = [place[key] for key in evaluator.trained]
    if len(rows) != max(BUDGETS):
        raise RuntimeError(f"{strategy} trained {len(rows)} models, not {max(BUDGETS)}")
    validation, test = dataset.validation[rows], dataset.test[rows]
    best = [int(np.argmax(validation[: count + 1])) for count in range(len(rows))]
    return [float(dataset.test.max() - test[row]) for row in best]


def summary(curves: dict[tuple[str, str], ndarray]) -> list[dict[str, Any]]:
    """Mean regret with standard error, and paired differences to NNI's two strategies."""
    rows = []
    for (dataset, name), values in curves.items():
        for budget in BUDGETS:
            mine = values[:, budget - 1]
            row: dict[str, Any] = {
                "dataset": dataset,
                "strategy": name,
                "trainings": budget,
                "regret": round(float(mine.mean()), 3),
                "standard_error": round(float(stats.sem(mine)), 3),
            }
            for short, theirs in (("random", "Random"), ("evolution", "RegularizedEvolution")):
                gain = curves[dataset, theirs][:, budget - 1] - mine
                p = stats.ttest_1samp(gain, 0)[1] if gain.any() else 1.0
                row[f"gain_over_{short}"] = round(float(gain.mean()), 3)
                row[f"gain_over_{short}_standard_error"] = round(float(stats.sem(gain)), 3)
                row[f"p_{short}"] = round(float(p), 4)
            rows.append(row)
    return rows


def agreement(scorer: Scorer, space: zc.NniSpace, count: int) -> dict[str, Any]:
    """Kendall's tau between kept scores of random cells and scores of NNI's networks."""
    rng = np.random.default_rng(0)
    pool = [space.sample(rng) for _ in range(count)]
    table = known(space)
    place = {key: row for row, key in enumerate(table.candidates)}
    rows = [place[space.encode(architecture)] for architecture in pool]
    fresh = scorer.score(pool, space=space, workers=1)
    both = fresh.scored & table.scored[rows]
    taus = {
        name: round(float(kendall_tau(fresh.values[both, c], table.values[rows][both, c])), 3)
        for c, name in enumerate(fresh.proxies)
    }
    kept = scorer.aggregate(subset(table, [r for r, b in zip(rows, both, strict=True) if b]))
    taus["ensemble"] = round(float(kendall_tau(scorer.aggregate(fresh)[both], kept)), 3)
    return {"networks": count, "scored_by_both": int(both.sum()), "tau": taus}


def subset(table: ScoreTable, rows: list[int]) -> ScoreTable:
    """Some rows of a table."""
    return ScoreTable(
        [table.candidates[row] for row in rows],
        table.values[rows],
        table.proxies,
        table.higher_is_better,
    )


def markdown(rows: list[dict[str, Any]]) -> str:
    """A row a dataset and strategy.

    A star: better than Random, p < .05; a dagger: worse than RegularizedEvolution, p < .05.
    """
    lines = [
        f"| dataset | strategy | {' | '.join(map(str, BUDGETS))} |",
        "|---|---|" + "---|" * len(BUDGETS),
    ]
    for dataset, name in dict.fromkeys((row["dataset"], row["strategy"]) for row in rows):
        cells = [
            f"{row['regret']:.2f} ± {row['standard_error']:.2f}"
            + "*" * (row["p_random"] < 0.05 and row["gain_over_random"] > 0)
            + "†" * (row["p_evolution"] < 0.05 and row["gain_over_evolution"] < 0)
            for row in rows
            if (row["dataset"], row["strategy"]) == (dataset, name)
        ]
        lines.append(f"| {dataset} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", default="../shared/data", help="folder of nb201_main.parquet")
    parser.add_argument("--datasets", nargs="+", default=DATASETS, choices=DATASETS)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--check", type=int, default=0, metavar="NETWORKS")
    parser.add_argument("--out", type=Path, default=scores.RESULTS, help="folder of the results")
    arguments = parser.parse_args()
    logging.getLogger("nni").setLevel(logging.CRITICAL)
    torch.set_num_threads(1)
    start = time.perf_counter()
    space = zc.NniSpace(HubSpace())
    setting = Setting.of("az_nas", "nasbench201-cifar10", 16, 0)
    if arguments.check:
        print(json.dumps(agreement(setting.scorer(), space, arguments.check)))
        return
    scorer = setting.scorer()
    scorer.remember(known(space), space=space)
    curves: dict[tuple[str, str], ndarray] = {}
    pairs = list(product(arguments.datasets, STRATEGIES))
    for dataset, name in progress(pairs, total=len(pairs), description="strategies"):
        table = nasbench201(arguments.data, dataset)
        seeds = range(arguments.seeds)
        curves[dataset, name] = np.array(
            [curve(STRATEGIES[name], scorer, space, table, seed) for seed in seeds]
        )
    if scorer.scored:
        raise RuntimeError(f"{scorer.scored} networks were scored: the kept scores lack them")
    rows = summary(curves)
    with (arguments.out / "nni_search.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    told = {
        "seeds": arguments.seeds,
        "seconds": round(time.perf_counter() - start, 1),
        "nni": nni.__version__,
        **provenance(),
    }
    (arguments.out / "nni_search.json").write_text(json.dumps(told, indent=1) + "\n")
    print(markdown(rows))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
