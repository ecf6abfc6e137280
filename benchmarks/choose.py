"""Which proxies complement each other: every small set of them, ranked together.

    python -m benchmarks.choose --data ../shared/data

Reads the kept scores of the half of NAS-Bench-201 that is for choosing (``benchmarks.shelf``),
ranks its architectures by the log-rank sum of every set of up to ``--largest`` proxies, and writes
the best sets of each size to ``results/choose.csv``. Nothing here has seen the other half.
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
TWINS = {"meco_authors", "zen_score_authors", "linear_regions", "grad_norm_global", "params"}
"""Near copies of others; linear_regions is the same for all, params nearly complexity."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--largest", type=int, default=5)
    parser.add_argument("--kept", type=int, default=10, help="best sets of each size to keep")
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
        rows = [
            {
                "size": size,
                "proxies": " ".join(names),
                "tau": round(kendall_tau(np.sum([logs[n] for n in names], axis=0), accuracy), 4),
            }
            for names in progress(sets, total=len(sets), description=f"sets of {size}")
        ]
        found.extend(sorted(rows, key=_tau, reverse=True)[: arguments.kept])
    with (RESULTS / "choose.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ("size", "proxies", "tau"), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    print(json.dumps({"architectures": len(accuracy), "proxies": len(logs), **provenance()}))


def _tau(row: dict[str, Any]) -> float:
    return float(row["tau"])


if __name__ == "__main__":
    main()
