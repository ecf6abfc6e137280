"""A sample of NAS-Bench-101 as a space of its own: other cells give way to the nearest one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn

from zc_plugins._shapes import ndarray
from zc_plugins.spaces.nasbench101 import MOST_VERTICES, OPERATIONS, Cell, NasBench101


class Recorded:
    """``NasBench101`` whose every proposal is one of the given cells.

    A cell that is not among them is replaced by the nearest one: the fewest differing bits of the
    adjacency matrix of seven vertices and differing operations, of canonical cells with input first
    and output last; of equals the first. Neighbours are thus farther than in the whole space.

    Args:
        space: of the cells.
        texts: canonical texts, each once.
    """

    def __init__(self, space: NasBench101, texts: Sequence[str]) -> None:
        self._space = space
        self._cells = [space.decode(text) for text in texts]
        self._held = set(self._cells)
        self._codes = np.array([_code(cell) for cell in self._cells])

    @property
    def name(self) -> str:
        """That of the whole space: the same networks."""
        return self._space.name

    def nearest(self, architecture: Cell, but: Cell | None = None) -> Cell:
        """The recorded cell that stands for this one; never ``but``."""
        cell = self._space.canonical(architecture)
        if cell in self._held and cell != but:
            return cell
        far = (self._codes != _code(cell)).sum(1)
        order = np.argsort(far, kind="stable")[:2]
        found: Cell = next(self._cells[place] for place in order if self._cells[place] != but)
        return found

    def sample(self, rng: np.random.Generator) -> Cell:
        """A recorded cell, uniform."""
        return self._cells[int(rng.integers(len(self._cells)))]

    def mutate(self, architecture: Cell, rng: np.random.Generator) -> Cell:
        """The recorded cell nearest to a neighbour, another one than before."""
        return self.nearest(self._space.mutate(architecture, rng), but=architecture)

    def suggest(self, trial: Any) -> Cell:
        """The recorded cell nearest to what the trial chooses."""
        return self.nearest(self._space.suggest(trial))

    def encode(self, architecture: Cell) -> str:
        """As ``NasBench101`` writes it."""
        return self._space.encode(architecture)

    def decode(self, text: str) -> Cell:
        """As ``NasBench101`` reads it."""
        return self._space.decode(text)

    def canonical(self, architecture: Cell) -> Cell:
        """As ``NasBench101`` has it."""
        return self._space.canonical(architecture)

    def build(self, architecture: Cell) -> nn.Module:
        """The benchmark's network."""
        return self._space.build(architecture)


def _code(cell: Cell) -> ndarray:
    """Adjacency bits, then operations, 0 where there is no vertex; shape (26,)."""
    last = cell.vertices - 1
    adjacency = np.zeros((MOST_VERTICES, MOST_VERTICES), dtype=np.int64)
    for source, target in cell.edges:
        adjacency[source, MOST_VERTICES - 1 if target == last else target] = 1
    operations = np.zeros(MOST_VERTICES - 2, dtype=np.int64)
    operations[: len(cell.operations)] = [1 + OPERATIONS.index(o) for o in cell.operations]
    return np.concatenate([adjacency[np.triu_indices(MOST_VERTICES, 1)], operations])
