"""Scores of a whole population with many proxies, kept for the correlation benchmark.

    python -m benchmarks.shelf --population nasbench201-cifar10 --half choosing \
        --architectures 600 --data ../shared/data

Writes ``benchmarks/results/shelf/POPULATION[-HALF][-RECIPE].csv.gz`` (architecture, scores and
seconds) and beside it the setting as JSON. With ``--recipe`` the proxies, the number of draws and
the initialisation are those of the recipe.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np

from benchmarks.pool import Setting, scored
from benchmarks.populations import POPULATIONS
from benchmarks.provenance import provenance
from benchmarks.scores import RESULTS, write
from zc_plugins.proxies import SHELF

DEAR = ("gradsign", "grasp", "ntk_condition", "vkdnw")
"""Proxies that cost more than one forward and backward each."""

CHECKS = ("dead_units", "gradient_range", "initial_loss")
"""They tell whether a network can be trained; nobody ranks by them."""


def path(population: str, half: str, recipe: str = "") -> Path:
    """Where the kept scores lie."""
    return RESULTS / "shelf" / f"{'-'.join(filter(None, (population, half, recipe)))}.csv.gz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--population", choices=sorted(POPULATIONS), required=True)
    parser.add_argument("--half", choices=["", "choosing", "reporting"], default="")
    parser.add_argument("--architectures", type=int, default=500)
    parser.add_argument("--proxies", default="cheap", help="all, cheap, or names with commas")
    parser.add_argument("--recipe", default="", help="in place of --proxies")
    parser.add_argument("--batch-size", type=int, help="the population's own where left out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--data", default="../shared/data", help="folder of the tables")
    parser.add_argument("--out", type=Path, help="in place of the path above")
    arguments = parser.parse_args()

    population = POPULATIONS[arguments.population]
    names = {
        "all": [name for name in SHELF if name not in CHECKS],
        "cheap": [name for name in SHELF if name not in CHECKS + DEAR],
    }.get(arguments.proxies, arguments.proxies.split(","))
    batch_size = arguments.batch_size or population.batch_size
    if arguments.recipe:
        setting = Setting.of(arguments.recipe, arguments.population, batch_size, arguments.seed)
    else:
        setting = Setting(tuple(names), arguments.population, batch_size, arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    architectures, _ = population.draw(arguments.data, arguments.architectures, rng, arguments.half)
    start = time.perf_counter()
    table = scored(architectures, setting, arguments.processes)
    kept = arguments.out or path(arguments.population, arguments.half, arguments.recipe)
    write(table, kept)
    result = {
        "population": arguments.population,
        "half": arguments.half,
        "recipe": arguments.recipe,
        "proxies": list(setting.proxies),
        "repeats": setting.repeats,
        "architectures": len(architectures),
        "batch_size": batch_size,
        "seed": arguments.seed,
        "seconds": round(time.perf_counter() - start, 1),
        "processes": arguments.processes,
        **provenance(),
    }
    kept.with_name(kept.name.replace(".csv.gz", ".json")).write_text(json.dumps(result) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
