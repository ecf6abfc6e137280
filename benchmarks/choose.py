"""Which proxies complement each other: every small set of them, ranked together.

    python -m benchmarks.choose --data ../shared/data

Reads the kept scores of the half of NAS-Bench-201 that is for choosing (``benchmarks.shelf``),
ranks its architectures by the log-rank sum of every set of up to ``--largest`` proxies, and writes
the sets within .01 of the best tau to ``results/choose.csv``. The first of them is the choice: that
whose ten best-ranked architectures are the most accurate, since a search takes from the top.
Nothing here has seen the other half.
"""

from __future__ import annotations

import argparse
import csv
import json
from itertools import combinations
from typing import Any

import numpy as np

from benchmarks.every_proxy import numbers_of
from benchmarks.populations import POPULATIONS
from benchmarks.provenance import provenance
from benchmarks.scores import RESULTS, read_from
from benchmarks.shelf import path
from zc_plugins._progress import progress
from zc_plugins.ranking import kendall_tau, ranks

POPULATION, HALF = "nasbench201-cifar10", "choosing"
TOP = 10
TWINS = {"meco_authors", "zen_score_authors", "linear_regions", "grad_norm_global", "params"}
"""Near copies of others; linear_regions is the same for all, params nearly complexity."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--largest", type=int, default=5)
    parser.add_argument("--margin", type=float, default=0.01, help="of tau below the best")
    parser.add_argument("--data", default="../shared/data", help="folder of the tables")
    arguments = parser.parse_args()

    kept = path(POPULATION, HALF)
    setting = json.loads(kept.with_name(kept.name.replace(".csv.gz", ".json")).read_text())
    rng = np.random.default_rng(setting["seed"])
    draw = POPULATIONS[POPULATION].draw
    _, accuracies = draw(arguments.data, setting["architectures"], rng, HALF)
    accuracy = accuracies["cifar10"]
    table = read_from(kept)
    logs = {
        name: np.log(ranks(numbers))
        for name, numbers in numbers_of(table)
        if name in table.proxies and name not in TWINS
    }
    found: list[dict[str, Any]] = []
    for size in range(1, arguments.largest + 1):
        sets = list(combinations(sorted(logs), size))
        for names in progress(sets, total=len(sets), description=f"sets of {size}"):
            total = np.sum([logs[n] for n in names], axis=0)
            top = np.argsort(-np.where(np.isnan(total), -np.inf, total))[:TOP]
            found.append(
                {
                    "proxies": " ".join(names),
                    "tau": round(kendall_tau(total, accuracy), 4),
                    "top_accuracy": round(float(accuracy[top].mean()), 3),
                }
            )
    least = max(row["tau"] for row in found) - arguments.margin
    good = [row for row in found if row["tau"] >= least]
    good.sort(key=lambda row: (row["top_accuracy"], row["tau"]), reverse=True)
    with (RESULTS / "choose.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ("proxies", "tau", "top_accuracy"), lineterminator="\n")
        writer.writeheader()
        writer.writerows(good)
    print(json.dumps({"architectures": len(accuracy), "proxies": len(logs), **provenance()}))


if __name__ == "__main__":
    main()
