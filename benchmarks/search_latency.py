"""Accuracy of what a search finds on NAS-Bench-201 under latency limits of real devices.

    python -m benchmarks.search_latency --data ../shared/data --seeds 20

A limit is a quantile of the space's latencies on the device (HW-NAS-Bench); the budget looks the
latency up, the scorer the scores that ``python -m benchmarks.scores`` keeps for what a cell
computes, so nothing is built. What is found is judged by its test accuracy after 200 epochs.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from torch import nn

from benchmarks import scores
from benchmarks.pool import Setting
from benchmarks.provenance import provenance
from zc_plugins._optional import require
from zc_plugins._progress import progress
from zc_plugins._shapes import ndarray
from zc_plugins.costs.budget import Budget
from zc_plugins.scorer import Scorer
from zc_plugins.search import AzEvolution, RandomSearch, ZenEvolution, search
from zc_plugins.spaces.nasbench201 import Cell, NasBench201
from zc_plugins.tables.nasbench201 import NasBench201Table, nasbench201

DATASETS = {"cifar10": "c10", "cifar100": "c100", "imagenet16-120": "in16"}
DEVICES = {"edgegpu": "Edge GPU", "raspi4": "Raspberry Pi 4"}
QUANTILES = (0.25, 0.4, 0.55, 0.7, 0.85)
"""Below the first there are dozens of functions only: most of the fastest cells do nothing."""

CANDIDATES = 100
MEMBERS = 20
"""With the published hundreds, nobody would leave in so short a search."""

WAYS: dict[str, tuple[str, Any]] = {
    "AzEvolution, az_nas": ("az_nas", AzEvolution(parents=MEMBERS)),
    "ZenEvolution, az_nas": ("az_nas", ZenEvolution(population=MEMBERS)),
    "RandomSearch, az_nas": ("az_nas", RandomSearch()),
}
"""Name to the recipe that scores, and how architectures are proposed."""


class Timed(nn.Module):
    """In place of a network: no more than its latency."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class TimedCells(NasBench201):
    """NAS-Bench-201 for a budget that looks its networks up.

    Args:
        seconds: latency by published string.
    """

    def __init__(self, seconds: Mapping[str, float]) -> None:
        super().__init__()
        self._seconds = seconds

    def build(self, architecture: Cell) -> nn.Module:
        """The cell's latency, as a module."""
        return Timed(self._seconds[self.encode(architecture)])


def seconds_of(network: Any) -> float:
    """What the table says."""
    return float(network.seconds)


@dataclass(frozen=True)
class Run:
    """One search."""

    dataset: str
    device: str
    quantile: float
    way: str
    seed: int
    data: str
    candidates: int = CANDIDATES


@lru_cache
def milliseconds(folder: str, dataset: str, device: str) -> ndarray:
    """Latency of each cell on the device, in the order of the benchmark's index."""
    column = f"{DATASETS[dataset]}_{device}_latency_ms"
    path = Path(folder) / "nb201_hw_nas_bench.parquet"
    table = require("pyarrow.parquet", extra="tables").read_table(path, columns=["index", column])
    order = np.argsort(table.column("index").to_numpy())
    return np.asarray(table.column(column).to_numpy()[order], np.float64)


@lru_cache
def accuracies(folder: str, dataset: str) -> NasBench201Table:
    """The accuracies, read once a process."""
    return nasbench201(folder, dataset)


@lru_cache
def scorer(recipe: str) -> Scorer:
    """A scorer that knows all cells."""
    made = Setting.of(recipe, "nasbench201-cifar10", 16, 0).scorer()
    made.remember(scores.read(recipe, "cifar10"), space=NasBench201())
    return made


def limit_of(run: Run) -> float:
    """The latency limit in milliseconds."""
    return float(np.quantile(milliseconds(run.data, run.dataset, run.device), run.quantile))


def found(run: Run) -> tuple[str, int]:
    """The published string that a search finds, and how many candidates it has scored."""
    cells = accuracies(run.data, run.dataset).architectures
    known = milliseconds(run.data, run.dataset, run.device) / 1000
    space = TimedCells(dict(zip(cells, known.tolist(), strict=True)))
    recipe, by = WAYS[run.way]
    budget = Budget((3, 32, 32), latency=limit_of(run) / 1000, measure_latency=seconds_of)
    result = search(
        space, scorer(recipe), budget, by=by, candidates=run.candidates, seed=run.seed,
        scored_in=NasBench201(), show_progress=False,
    )  # fmt: skip
    if scorer(recipe).scored:
        raise RuntimeError("a network was scored: the kept scores lack it")
    return result.winner.text, len(result.history)


@lru_cache
def functions(folder: str) -> ndarray:
    """What each cell computes, as text."""
    space = NasBench201()
    cells = accuracies(folder, "cifar10").architectures
    return np.array([space.encode(space.canonical(space.decode(cell))) for cell in cells])


def ranked(run: Run, recipe: str) -> dict[str, float]:
    """By what is computed, the recipe's number among all cells within the limit; best first."""
    within = milliseconds(run.data, run.dataset, run.device) <= limit_of(run)
    kept, present = scores.read(recipe, "cifar10"), set(functions(run.data)[within])
    table = kept.rows([p for p, key in enumerate(kept.candidates) if key in present])
    numbers = scorer(recipe).aggregate(table)
    order = np.argsort(-numbers, kind="stable")
    return {table.candidates[place]: float(numbers[place]) for place in order}


def without_search(run: Run) -> dict[str, float]:
    """Test accuracies in percent of picks among all cells within the limit.

    The most accurate; one at random, in expectation; and by recipe the best score of all, the mean
    over the cells that compute the same.
    """
    within = milliseconds(run.data, run.dataset, run.device) <= limit_of(run)
    test = accuracies(run.data, run.dataset).test[within]
    computed = functions(run.data)[within]
    picks = {"oracle": float(test.max()), "one at random": float(test.mean())}
    for recipe in dict.fromkeys(recipe for recipe, _ in WAYS.values()):
        best = next(iter(ranked(run, recipe)))
        picks[f"best of all by {recipe}"] = float(test[computed == best].mean())
    return picks


def summary(
    settings: list[tuple[str, str, float]], results: Mapping[Run, tuple[str, int]], data: str
) -> list[dict[str, Any]]:
    """A row a setting and way: mean test accuracy with standard error, and paired differences."""
    rows = []
    for setting in settings:
        dataset, device, quantile = setting
        example = Run(dataset, device, quantile, "", 0, data)
        place = {cell: p for p, cell in enumerate(accuracies(data, dataset).architectures)}
        test, known = accuracies(data, dataset).test, milliseconds(data, dataset, device)
        fixed = without_search(example)
        base = {
            "dataset": dataset,
            "device": device,
            "quantile": quantile,
            "limit_ms": round(limit_of(example), 3),
        }
        for name, accuracy in fixed.items():
            rows.append({**base, "way": name, "accuracy": round(accuracy, 3)})
        by_way = {
            way: sorted(
                (run.seed, place[cell])
                for run, (cell, _) in results.items()
                if (run.dataset, run.device, run.quantile, run.way) == (*setting, way)
            )
            for way in WAYS
        }
        at = {way: np.array([p for _, p in found]) for way, found in by_way.items()}
        numbers = {recipe: ranked(example, recipe) for recipe, _ in WAYS.values()}
        for way, (recipe, _) in WAYS.items():
            number = np.array([numbers[recipe][key] for key in functions(data)[at[way]]])
            better = np.array(list(numbers[recipe].values()))[:, None] > number
            mine, theirs = test[at[way]], test[at[f"RandomSearch, {recipe}"]]
            gain = mine - theirs
            p = stats.ttest_1samp(gain, 0)[1] if gain.any() else 1.0
            rows.append(
                {
                    **base,
                    "way": way,
                    "accuracy": round(float(mine.mean()), 3),
                    "standard_error": round(float(stats.sem(mine)), 3),
                    "to_oracle": round(fixed["oracle"] - float(mine.mean()), 3),
                    "gain_over_random_search": round(float(gain.mean()), 3),
                    "p_of_no_gain": round(float(p), 4),
                    "better_scores": round(float(better.mean()), 4),
                    "latency_ms": round(float(known[at[way]].mean()), 3),
                }
            )
    return rows


def plot(rows: list[dict[str, Any]], to: Path) -> None:
    """Test accuracy against the limit, a panel a dataset and device; a random cell lies below."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    devices = list(dict.fromkeys(row["device"] for row in rows))
    size = (4.2 * len(datasets), 0.6 + 3.2 * len(devices))
    figure, panels = plt.subplots(len(devices), len(datasets), figsize=size, squeeze=False)
    for (device, dataset), axes in zip(product(devices, datasets), panels.flat, strict=True):
        mine = [row for row in rows if (row["dataset"], row["device"]) == (dataset, device)]
        for way in ("oracle", *WAYS):
            points = [row for row in mine if row["way"] == way]
            color = f"C{list(WAYS).index(way)}" if way in WAYS else "k"
            axes.errorbar(
                [row["limit_ms"] for row in points], [row["accuracy"] for row in points],
                [row.get("standard_error", 0) for row in points], fmt=".-" if way in WAYS else "--",
                color=color, label=way, linewidth=1.2, markersize=4, capsize=2,
            )  # fmt: skip
        best = max(row["accuracy"] for row in mine)
        axes.set_ylim(best - (best - min(r["accuracy"] for r in mine if r["way"] in WAYS)) * 1.4)
        axes.set_title(f"{dataset}, {DEVICES[device]}", fontsize=9)
        axes.set_xlabel("latency limit in ms", fontsize=8)
        axes.set_ylabel("test accuracy in %", fontsize=8)
        axes.tick_params(labelsize=7)
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=4, fontsize=8)
    figure.tight_layout(rect=(0, 0.13 / len(devices), 1, 1))
    figure.savefig(to, dpi=110)


def markdown(rows: list[dict[str, Any]]) -> str:
    """A row a dataset, device and way, a column a limit.

    A star: better than RandomSearch with the same scores, p < .05.
    """
    quantiles = list(dict.fromkeys(row["quantile"] for row in rows))
    header = " | ".join(f"{q:.0%}" for q in quantiles)
    lines = [f"| dataset | device | | {header} |", "|---|---|---|" + "---|" * len(quantiles)]
    for key in dict.fromkeys((row["dataset"], row["device"], row["way"]) for row in rows):
        cells = []
        for row in rows:
            if (row["dataset"], row["device"], row["way"]) != key:
                continue
            error = f" ± {row['standard_error']:.2f}" if "standard_error" in row else ""
            better = row.get("gain_over_random_search", 0) > 0 and row["p_of_no_gain"] < 0.05
            cells.append(f"{row['accuracy']:.2f}{error}{'*' * better}")
        lines.append(f"| {key[0]} | {DEVICES[key[1]]} | {key[2]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", default="../shared/data", help="folder of the tables")
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS), choices=DATASETS)
    parser.add_argument("--devices", nargs="+", default=list(DEVICES), choices=DEVICES)
    parser.add_argument("--quantiles", nargs="+", type=float, default=QUANTILES)
    parser.add_argument("--candidates", type=int, default=CANDIDATES)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=scores.RESULTS / "search_latency.csv")
    arguments = parser.parse_args()
    start = time.perf_counter()
    settings = list(product(arguments.datasets, arguments.devices, arguments.quantiles))
    runs = [
        Run(dataset, device, quantile, way, seed, arguments.data, arguments.candidates)
        for (dataset, device, quantile), way, seed in product(
            settings, WAYS, range(arguments.seeds)
        )
    ]
    with ProcessPoolExecutor(arguments.processes) as executor:
        done = progress(executor.map(found, runs), total=len(runs), description="searches")
        results = dict(zip(runs, done, strict=True))
    rows = summary(settings, results, arguments.data)
    with arguments.out.open("w", newline="") as file:
        columns = list(dict.fromkeys(name for row in rows for name in row))
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    plot(rows, arguments.out.with_suffix(".png"))
    told = {
        "seeds": arguments.seeds,
        "candidates": arguments.candidates,
        "fewest_scored": min(count for _, count in results.values()),
        "seconds": round(time.perf_counter() - start, 1),
        **provenance(),
    }
    arguments.out.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n")
    print(markdown(rows))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
