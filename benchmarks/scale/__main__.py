"""What many workers, long pools and long studies cost.

    python -m benchmarks.scale throughput            # one process and two, four ways
    python -m benchmarks.scale pools                 # a million candidates through the cache
    python -m benchmarks.scale studies               # trials beside 100 to 10,000 finished ones

``--postgres postgresql+psycopg://...`` adds a database that is there already, and empty. Results
go to ``benchmarks/results/scale`` and to the screen, a line as each is measured.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import torch

from benchmarks.provenance import provenance
from benchmarks.scale.pools import pools
from benchmarks.scale.studies import addresses, studies
from benchmarks.scale.throughput import WAYS, throughput

RESULTS = Path(__file__).parents[1] / "results" / "scale"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["throughput", "pools", "studies"])
    parser.add_argument("--networks", type=int, default=60, help="of the pool of throughput")
    parser.add_argument("--rounds", type=int, default=5, help="of throughput")
    parser.add_argument("--ways", nargs="+", default=WAYS, help="of throughput")
    parser.add_argument("--most", type=int, default=10**6, help="candidates of pools")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--trials", type=int, default=30, help="to take the median of, in studies")
    parser.add_argument("--postgres", help="URL of an empty database, for studies")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    _keep(_rows(chosen), chosen.out / f"{chosen.what}.csv")


def _rows(chosen: argparse.Namespace) -> Iterator[dict[str, Any]]:
    if chosen.what == "throughput":
        return throughput(chosen.networks, chosen.rounds, chosen.ways)
    if chosen.what == "pools":
        return pools(chosen.most)
    return studies(chosen.sizes, chosen.trials, addresses(chosen.postgres))


def _keep(rows: Iterator[dict[str, Any]], path: Path) -> None:
    """Print and write each row; beside the table, how it was made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps(provenance(), indent=1) + "\n")
    with path.open("w", newline="") as file:
        writer: csv.DictWriter[str] | None = None
        for row in rows:
            if writer is None:
                writer = csv.DictWriter(file, list(row), lineterminator="\n")
                writer.writeheader()
            writer.writerow(row)
            file.flush()
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
