"""Node-wise statistics of networks of two spaces, kept for what learns from them.

    python -m benchmarks.nodewise
    python -m benchmarks.nodewise --space vitbench101 --batch-size 4 --data ../shared/data

The first writes ``benchmarks/results/nasbench201_nodewise.npz``: 1,500 cells of NAS-Bench-201, and
each proxy's score and vector over layers, on Gaussian noise and random classes, of the functions
that the cells compute. The second ``vitbench101_nodewise.npz``, of the 200 vision transformers of
ViT-Bench-101. The line that each prints stands in the ``.json`` beside.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.populations import POPULATIONS
from benchmarks.provenance import provenance
from zc_plugins import Excitation
from zc_plugins._progress import progress
from zc_plugins._shapes import Float, ndarray
from zc_plugins.proxies import SHELF as PROXIES
from zc_plugins.proxies._proxy import LayerScores
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.tables.vitbench101 import vitbench101

RESULTS = Path(__file__).parent / "results"

NETWORKS_A_WRITE = 100


@dataclass(frozen=True)
class Statistics:
    """What is kept of a space's networks.

    Attributes:
        population: key of ``POPULATIONS``; builds and excites the networks.
        drawn: folder of the tables, number and seed in, architectures out.
        by_layer: proxies whose vectors are kept.
        by_network: whose scores alone are kept: one number, another's vector, or layers without a
            slot's name.
    """

    population: str
    drawn: Callable[[str | None, int, int], list[str]]
    by_layer: tuple[str, ...]
    by_network: tuple[str, ...]

    @property
    def proxies(self) -> list[str]:
        """All of them."""
        return [*self.by_layer, *self.by_network]

    @property
    def space(self) -> Any:
        """That of the networks."""
        return POPULATIONS[self.population].space


def _cells(_: str | None, size: int, seed: int) -> list[str]:
    """Published strings of different cells, uniform over the 15,625."""
    space = NasBench201()
    cells = [space.encode(cell) for cell in space]
    places = np.random.default_rng(seed).choice(len(cells), size, replace=False)
    return [cells[place] for place in places]


SPACES: Mapping[str, Statistics] = {
    "nasbench201": Statistics(
        "nasbench201-cifar10",
        _cells,
        ("snip", "grad_norm", "plain", "fisher", "synflow", "l2_norm", "zico", "meco", "zen_score",
         "expressivity", "trainability"),
        ("progressivity", "complexity", "params", "jacov", "epe_nas", "naswot", "swap"),
    ),
    "vitbench101": Statistics(
        "vitbench101",
        lambda data, size, _: list(vitbench101(data).architectures[:size]),
        ("snip", "grad_norm", "plain", "fisher", "synflow", "l2_norm", "zico", "meco",
         "expressivity", "trainability"),
        ("progressivity", "complexity", "params", "jacov", "epe_nas", "naswot", "swap"),
    ),
}  # fmt: skip


def path(space: str) -> Path:
    """Where the statistics lie."""
    return RESULTS / f"{space}_nodewise.npz"


def read(of: str = "nasbench201", kept: Path | None = None) -> ScoreTable:
    """The kept statistics, one row an architecture; cells of one function have the same.

    Parameters are those of the canonical architecture, as of a scorer's table.
    """
    statistics = SPACES[of]
    space = statistics.space
    with np.load(kept or path(of)) as file:
        content = {name: file[name] for name in file.files}
    known = {str(key): place for place, key in enumerate(content["functions"])}
    cells = [space.decode(str(cell)) for cell in content["cells"]]
    keys = [space.encode(space.canonical(cell)) for cell in cells]
    kept_rows = [place for place, key in enumerate(keys) if key in known]
    rows = np.array([known[keys[place]] for place in kept_rows])
    proxies = statistics.proxies
    vectors: dict[str, list[ndarray]] = {}
    names: dict[str, list[tuple[str, ...]]] = {}
    for proxy in statistics.by_layer:
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
    statistics: Statistics,
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
    for proxy in statistics.proxies:
        column = [rows[function][proxy] for function in functions]
        content[f"value/{proxy}"] = np.array([scores.value for scores in column])
        if proxy in statistics.by_layer:
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
    parser.add_argument("--space", choices=SPACES, default="nasbench201")
    parser.add_argument("--architectures", type=int, default=1500, help="at most")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", help="folder of the tables")
    parser.add_argument("--to", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    statistics = SPACES[arguments.space]
    space = statistics.space
    population: Any = POPULATIONS[statistics.population]
    cells = statistics.drawn(arguments.data, arguments.architectures, arguments.seed)
    keys = [space.encode(space.canonical(space.decode(cell))) for cell in cells]
    excitation = Excitation(
        population.input_shape,
        batch_size=arguments.batch_size,
        initialisation=population.initialisation,
    )
    scorer = Scorer(statistics.proxies, excitation, seed=arguments.seed, device="cpu")
    to = arguments.to or path(arguments.space)
    rows: dict[str, Mapping[str, LayerScores]] = {}
    seconds: list[float] = []
    different = list(dict.fromkeys(keys))
    for key in progress(different, total=len(different), description="scoring"):
        before = scorer.seconds
        rows[key] = scorer.layer_scores(partial(space.build, space.decode(key)))
        seconds.append(scorer.seconds - before)
        if len(rows) % NETWORKS_A_WRITE == 0 or len(rows) == len(different):
            write(statistics, to, cells, rows, seconds)
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
