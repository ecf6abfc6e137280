"""Node-wise statistics of 1,500 NAS-Bench-201 cells, kept for what learns from them.

    python -m benchmarks.nodewise

Writes ``benchmarks/results/nasbench201_nodewise.npz``: the cells, and each proxy's score and vector
over layers, on Gaussian noise and random classes, of the functions that the cells compute.
The line that it prints stands in ``nasbench201_nodewise.json``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.provenance import provenance
from zc_plugins import Excitation
from zc_plugins._progress import progress
from zc_plugins._shapes import Float, ndarray
from zc_plugins.proxies import SHELF as PROXIES
from zc_plugins.proxies._proxy import LayerScores
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces.nasbench201 import NasBench201

KEPT = Path(__file__).parent / "results" / "nasbench201_nodewise.npz"

BY_LAYER = (
    "snip", "grad_norm", "plain", "fisher", "synflow", "l2_norm", "zico", "meco", "zen_score",
    "expressivity", "trainability",
)  # fmt: skip
"""Whose vectors are kept."""

BY_NETWORK = ("progressivity", "complexity", "params", "jacov", "epe_nas", "naswot", "swap")
"""Whose scores alone are kept: one number, another's vector, or layers without a slot's name."""

NETWORKS_A_WRITE = 100


def drawn(size: int, seed: int) -> list[str]:
    """Published strings of different cells, uniform over the 15,625."""
    space = NasBench201()
    cells = [space.encode(cell) for cell in space]
    places = np.random.default_rng(seed).choice(len(cells), size, replace=False)
    return [cells[place] for place in places]


def read(kept: Path = KEPT) -> ScoreTable:
    """The kept statistics, one row a cell; cells of one function have the same.

    Parameters are those of the canonical cell, as of a scorer's table.
    """
    space = NasBench201()
    with np.load(kept) as file:
        content = {name: file[name] for name in file.files}
    known = {str(key): place for place, key in enumerate(content["functions"])}
    cells = [space.decode(str(cell)) for cell in content["cells"]]
    keys = [space.encode(space.canonical(cell)) for cell in cells]
    kept_rows = [place for place, key in enumerate(keys) if key in known]
    rows = np.array([known[keys[place]] for place in kept_rows])
    proxies = [*BY_LAYER, *BY_NETWORK]
    vectors: dict[str, list[ndarray]] = {}
    names: dict[str, list[tuple[str, ...]]] = {}
    for proxy in BY_LAYER:
        slots, numbers = content[f"slots/{proxy}"], content[f"layers/{proxy}"].astype(np.float64)
        here = content[f"here/{proxy}"]
        by_function = [tuple(map(str, slots[row])) for row in here]
        vectors[proxy] = [numbers[row][here[row]] for row in rows]
        names[proxy] = [by_function[row] for row in rows]
    values = np.stack([content[f"value/{proxy}"][rows] for proxy in proxies], axis=1)
    return ScoreTable(
        [space.encode(cells[place]) for place in kept_rows],
        values,
        proxies,
        [PROXIES[name].higher_is_better for name in proxies],
        vectors,
        content["seconds"][rows],
        [{name: "not scored" for name, v in zip(proxies, row, strict=True) if np.isnan(v)}
         for row in values],
        content["degenerate"][rows].tolist(),
        [space.parameters(space.canonical(cells[place])) for place in kept_rows],
        names,
    )  # fmt: skip


def write(
    to: Path,
    cells: Sequence[str],
    rows: Mapping[str, Mapping[str, LayerScores]],
    seconds: Sequence[float],
) -> None:
    """Keep the statistics, 12 significant bits: 2 MB where all digits would take 5."""
    functions = list(rows)
    content: dict[str, ndarray] = {
        "cells": np.array(cells),
        "functions": np.array(functions),
        "seconds": np.array(seconds, np.float32),
        "degenerate": np.array([any(s.degenerate for s in row.values()) for row in rows.values()]),
    }
    for proxy in (*BY_LAYER, *BY_NETWORK):
        column = [rows[function][proxy] for function in functions]
        content[f"value/{proxy}"] = np.array([scores.value for scores in column])
        if proxy in BY_LAYER:
            slots = sorted({name for scores in column for name in scores.names}, key=_by_place)
            numbers = np.full((len(column), len(slots)), np.nan)
            here = np.zeros(numbers.shape, bool)
            place_of = {name: place for place, name in enumerate(slots)}
            for row, scores in enumerate(column):
                places = [place_of[name] for name in scores.names]
                numbers[row, places], here[row, places] = scores.layers, True
            content[f"slots/{proxy}"] = np.array(slots)
            content[f"layers/{proxy}"] = _shortened(numbers)
            content[f"here/{proxy}"] = here
    np.savez_compressed(to, allow_pickle=False, **content)


def _by_place(name: str) -> list[tuple[int, str]]:
    """So that ``blocks.10`` comes after ``blocks.9``."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]


def _shortened(numbers: Float[ndarray, "functions slots"]) -> Float[ndarray, "functions slots"]:
    # SynFlow's numbers leave the range of float32.
    mantissa, exponent = np.frexp(numbers)
    shortened: ndarray = np.ldexp(np.round(mantissa * 4096) / 4096, exponent)
    return shortened


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--architectures", type=int, default=1500)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", type=Path, default=KEPT)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    space = NasBench201()
    cells = drawn(arguments.architectures, arguments.seed)
    keys = [space.encode(space.canonical(space.decode(cell))) for cell in cells]
    excitation = Excitation((3, 32, 32), batch_size=arguments.batch_size)
    scorer = Scorer([*BY_LAYER, *BY_NETWORK], excitation, seed=arguments.seed, device="cpu")
    rows: dict[str, Mapping[str, LayerScores]] = {}
    seconds: list[float] = []
    different = list(dict.fromkeys(keys))
    for key in progress(different, total=len(different), description="scoring"):
        before = scorer.seconds
        rows[key] = scorer.layer_scores(partial(space.build, space.decode(key)))
        seconds.append(scorer.seconds - before)
        if len(rows) % NETWORKS_A_WRITE == 0 or len(rows) == len(different):
            write(arguments.to, cells, rows, seconds)
    print(
        json.dumps(
            {
                "cells": len(cells),
                "functions": len(rows),
                "batch_size": arguments.batch_size,
                "seed": arguments.seed,
                "seconds": round(sum(seconds), 1),
                **provenance(),
            }
        )
    )


if __name__ == "__main__":
    main()
