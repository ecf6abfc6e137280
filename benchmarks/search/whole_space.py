"""AZ-NAS's scores of a whole space, or of a fixed part of it, kept for the studies.

    python -m benchmarks.search.whole_space --space transnasbench101-micro

Writes ``benchmarks/results/search/SPACE-az_nas.csv.gz``, one line for each canonical architecture,
in CPU seconds of one thread, and beside it the setting as JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.provenance import provenance
from benchmarks.scores import RESULTS, write
from zc_plugins import recipes
from zc_plugins._progress import progress
from zc_plugins.scores import ScoreTable
from zc_plugins.tables import Table
from zc_plugins.tables.nasbench101 import KNOWN_ROWS, nasbench101
from zc_plugins.tables.transnasbench101 import transnasbench101

SPACES = ("transnasbench101-micro", "transnasbench101-macro", "nasbench101")

SAMPLES = {"nasbench101": 400, "transnasbench101-macro": 500}
"""Architectures of those spaces whose networks are too dear to score all of them."""


def path(space: str) -> Path:
    """Where the scores lie."""
    return RESULTS / "search" / f"{space}-az_nas.csv.gz"


def table_of(space: str, data: str, task: str = "class_object") -> Table:
    """The table whose architectures are scored: the recorded ones, or a fixed sample of them."""
    if space == "nasbench101":
        return nasbench101(data, rows=_sample(space, KNOWN_ROWS))
    table = transnasbench101(data, space.removeprefix("transnasbench101-"), task)
    if space not in SAMPLES:
        return table
    rows = _sample(space, len(table.architectures))
    return replace(
        table,
        architectures=tuple(table.architectures[row] for row in rows),
        validation=table.validation[rows],
        test=table.test[rows],
        train_seconds=table.train_seconds[rows],
        fidelities={epochs: values[rows] for epochs, values in table.fidelities.items()},
    )


def _sample(space: str, rows: int) -> list[int]:
    drawn: list[int] = np.random.default_rng(2026).permutation(rows)[: SAMPLES[space]].tolist()
    return sorted(drawn)


def keys(table: Table) -> list[str]:
    """The canonical texts of the table's architectures, each once."""
    space: Any = table.space
    texts = (space.encode(space.canonical(space.decode(text))) for text in table.architectures)
    return list(dict.fromkeys(texts))


def scored(table: Table, side: int, batch_size: int, architectures: int | None) -> ScoreTable:
    """The scores, one architecture after another, each with its own CPU seconds."""
    torch.set_num_threads(1)
    scorer = recipes.az_nas((3, side, side), batch_size=batch_size, device="cpu")
    space: Any = table.space
    wanted = keys(table)[:architectures]
    rows, seconds = [], []
    for key in progress(wanted, total=len(wanted), description="scoring"):
        start = time.process_time()
        rows.append(scorer.score([space.decode(key)], space=space, show_progress=False, workers=1))
        seconds.append(time.process_time() - start)
    return ScoreTable(
        wanted,
        np.concatenate([row.values for row in rows]),
        rows[0].proxies,
        rows[0].higher_is_better,
        seconds=np.array(seconds),
        notes=[row.notes[0] for row in rows],
        degenerate=[row.degenerate[0] for row in rows],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--space", choices=SPACES, required=True)
    parser.add_argument("--side", type=int, default=32, help="pixels")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--architectures", type=int, help="the first ones only")
    parser.add_argument("--data", default="../shared/data", help="folder of the tables")
    parser.add_argument("--out", type=Path, help="in place of the path above")
    arguments = parser.parse_args()
    made_by = provenance()
    table = table_of(arguments.space, arguments.data)
    start = time.process_time()
    found = scored(table, arguments.side, arguments.batch_size, arguments.architectures)
    kept = arguments.out or path(arguments.space)
    write(found, kept)
    result = {
        "space": table.space.name,
        "recipe": "az_nas",
        "architectures": len(found),
        "input_shape": [3, arguments.side, arguments.side],
        "batch_size": arguments.batch_size,
        "seed": 0,
        "cpu_seconds": round(time.process_time() - start, 1),
        **made_by,
    }
    kept.with_name(kept.name.replace(".csv.gz", ".json")).write_text(json.dumps(result) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
