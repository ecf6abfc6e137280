"""A population whose accuracy is known, with scores, layers, parameters and a graph."""

from __future__ import annotations

from itertools import product

import numpy as np

from zc_plugins import ScoreTable
from zc_plugins._shapes import ndarray

OPERATIONS = ("none", "skip", "narrow", "wide")
WORTH = {"none": 0.0, "skip": 1.0, "narrow": 2.0, "wide": 4.0}
NAMES = ("edge_0_1", "edge_0_2", "edge_1_2")


def population() -> tuple[ScoreTable, ndarray]:
    """All 64 cells of three edges, those without a path degenerate."""
    rng = np.random.default_rng(7)
    cells = list(product(OPERATIONS, repeat=3))
    worth = np.array([sum(WORTH[o] for o in cell) for cell in cells])
    dead = [cell[1] == "none" and "none" in (cell[0], cell[2]) for cell in cells]
    accuracy = np.where(dead, 10.0, 95 - 40 * np.exp(-worth / 4)) + rng.normal(0, 0.3, 64)
    layers, names = [], []
    for cell in cells:
        there = [name for name, o in zip(NAMES, cell, strict=True) if o != "none"]
        names.append(("stem", *there))
        layers.append(np.array([1.0, *(10.0 ** WORTH[o] for o in cell if o != "none")]))
    values = np.stack([worth + rng.normal(0, 1, 64), rng.normal(0, 1, 64)], axis=1)
    values[3, 1] = np.nan
    table = ScoreTable(
        ["-".join(cell) for cell in cells],
        values,
        ["good", "noise"],
        layers={"good": layers},
        degenerate=dead,
        parameters=[dict(zip(NAMES, cell, strict=True)) for cell in cells],
        layer_names={"good": names},
    )
    return table, accuracy
