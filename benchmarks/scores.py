"""Scores of the 5,260 functions that NAS-Bench-201 cells compute, kept for other benchmarks.

    python -m benchmarks.scores --batch-size 16

Writes ``benchmarks/results/nasbench201_RECIPE_DATASET.csv.gz``: the canonical cell and its scores.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.pool import Setting, scored
from benchmarks.provenance import provenance
from zc_plugins.proxies import SHELF as PROXIES
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces.nasbench201 import NasBench201

RESULTS = Path(__file__).parent / "results"


def path(recipe: str, dataset: str) -> Path:
    """Where the scores of a recipe lie."""
    return RESULTS / f"nasbench201_{recipe}_{dataset}.csv.gz"


def read(recipe: str, dataset: str) -> ScoreTable:
    """The kept scores; seconds are those of building and scoring on one thread."""
    return read_from(path(recipe, dataset))


def read_from(kept: Path) -> ScoreTable:
    """The scores that ``write`` has kept."""
    with gzip.open(kept, "rt", newline="") as file:
        rows = list(csv.reader(file))
    header, rows = rows[0], rows[1:]
    proxies, degenerate = header[1:-2], [row[-2] == "1" for row in rows]
    values = np.array([[float(v) for v in row[1:-2]] for row in rows])
    return ScoreTable(
        [row[0] for row in rows],
        values,
        proxies,
        [PROXIES[name].higher_is_better for name in proxies],
        seconds=np.array([float(row[-1]) for row in rows]),
        notes=[{name: "degenerate" for name in proxies if np.isnan(row).any()} for row in values],
        degenerate=degenerate,
    )


def write(table: ScoreTable, to: Path) -> None:
    """Keep the scores, six significant digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["cell", *table.proxies, "degenerate", "seconds"])
    spent = np.asarray(table.seconds)
    for place, key in enumerate(table.candidates):
        numbers = (f"{value:.6g}" for value in table.values[place])
        writer.writerow([key, *numbers, int(table.degenerate[place]), f"{spent[place]:.3g}"])
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--recipe", default="az_nas")
    parser.add_argument(
        "--dataset", choices=["cifar10", "cifar100", "imagenet16-120"], default="cifar10"
    )
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--repeats", type=int, help="draws; the recipe's own where left out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    population = f"nasbench201-{arguments.dataset}"
    setting = Setting.of(arguments.recipe, population, arguments.batch_size, arguments.seed)
    setting = replace(setting, repeats=arguments.repeats or setting.repeats)
    space = NasBench201()
    cells = sorted({space.encode(space.canonical(cell)) for cell in space})
    start = time.perf_counter()
    table = scored(cells, setting, arguments.processes)
    kept = path(arguments.recipe, arguments.dataset)
    write(table, kept)
    result = {
        "cells": len(cells),
        "batch_size": arguments.batch_size,
        "repeats": setting.repeats,
        "seed": arguments.seed,
        "seconds": round(time.perf_counter() - start, 1),
        "processes": arguments.processes,
        **provenance(),
    }
    kept.with_name(kept.name.replace(".csv.gz", ".json")).write_text(json.dumps(result) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
