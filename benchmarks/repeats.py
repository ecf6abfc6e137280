"""What more draws of weights and inputs bring to a recipe's rank correlation.

    python -m benchmarks.repeats --recipe best_training_free --data ../shared/data

On architectures of the half of NAS-Bench-201 that is for choosing, with CIFAR-10. Scores each with
several seeds, averages every disjoint group of seeds, and writes the mean tau for each size of
group to ``results/repeats.csv``.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.choose import HALF, POPULATION
from benchmarks.pool import Setting, made, scored
from benchmarks.populations import POPULATIONS
from benchmarks.provenance import provenance
from benchmarks.scores import RESULTS
from zc_plugins.ranking import kendall_tau
from zc_plugins.scores import ScoreTable


def averaged(draws: list[ScoreTable]) -> ScoreTable:
    """The table that a scorer of so many repeats makes."""
    values = np.mean([table.values for table in draws], axis=0)
    first, gaps = draws[0], np.isnan(values).any(axis=1)
    # An ensemble wants a reason for each gap.
    notes = tuple(dict.fromkeys(first.proxies, "unscored") if gap else {} for gap in gaps)
    return ScoreTable(first.candidates, values, first.proxies, first.higher_is_better, notes=notes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--recipe", default="best_training_free")
    parser.add_argument("--architectures", type=int, default=180)
    parser.add_argument("--draws", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--data", default="../shared/data", help="folder of the tables")
    arguments = parser.parse_args()

    setting = Setting.of(arguments.recipe, POPULATION, arguments.batch_size, 0)
    population = POPULATIONS[POPULATION]
    rng = np.random.default_rng(0)
    architectures, accuracies = population.draw(arguments.data, arguments.architectures, rng, HALF)
    accuracy = accuracies["cifar10"]
    draws = [
        scored(architectures, replace(setting, seed=seed, repeats=1), arguments.processes)
        for seed in range(arguments.draws)
    ]
    aggregate = made(arguments.recipe).aggregate
    found: list[dict[str, Any]] = []
    for size in range(1, arguments.draws + 1):
        starts = range(0, arguments.draws - size + 1, size)
        tables = [averaged(draws[start : start + size]) for start in starts]
        taus = [kendall_tau(aggregate(table), accuracy) for table in tables]
        found.append(
            {
                "recipe": arguments.recipe,
                "repeats": size,
                "groups": len(taus),
                "tau": round(float(np.mean(taus)), 4),
                "lowest": round(min(taus), 4),
                "highest": round(max(taus), 4),
            }
        )
    with (RESULTS / "repeats.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, found[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    about = {"architectures": len(accuracy), "batch_size": arguments.batch_size, **provenance()}
    print(json.dumps({"rows": found, **about}))


if __name__ == "__main__":
    main()
