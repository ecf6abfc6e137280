"""A sample of a benchmark as a space of its own: other architectures give way to the nearest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import nn

from zc_plugins._shapes import ndarray
from zc_plugins.spaces.nasbench101 import MOST_VERTICES, OPERATIONS, Cell
from zc_plugins.spaces.transnasbench101_macro import DEPTHS, MacroCode


class Recorded:
    """A space whose every proposal is one of the given architectures.

    One that is not among them is replaced by the nearest: the fewest differing numbers of its code;
    of equals the first. Neighbours are thus farther than in the whole space.

    Args:
        space: of the architectures; ``Suggestible``.
        texts: of canonical architectures, each once.
        code: whole numbers of a canonical architecture, always as many.
    """

    def __init__(self, space: Any, texts: Sequence[str], code: Callable[[Any], ndarray]) -> None:
        self._space, self._code = space, code
        self._held = {space.decode(text): None for text in texts}
        self._codes = np.array([code(architecture) for architecture in self._held])

    @property
    def name(self) -> str:
        """That of the whole space: the same networks."""
        return str(self._space.name)

    def nearest(self, architecture: Any, but: Any = None) -> Any:
        """The recorded architecture that stands for this one; never ``but``."""
        wanted = self._space.canonical(architecture)
        if wanted in self._held and wanted != but:
            return wanted
        differing = (self._codes != self._code(wanted)).sum(1)
        recorded = list(self._held)
        nearest = (recorded[place] for place in np.argsort(differing, kind="stable")[:2])
        return next(found for found in nearest if found != but)

    def sample(self, rng: np.random.Generator) -> Any:
        """A recorded architecture, uniform."""
        return list(self._held)[int(rng.integers(len(self._held)))]

    def mutate(self, architecture: Any, rng: np.random.Generator) -> Any:
        """The recorded architecture nearest to a neighbour, another one than before."""
        return self.nearest(self._space.mutate(architecture, rng), but=architecture)

    def suggest(self, trial: Any) -> Any:
        """The recorded architecture nearest to what the trial chooses."""
        return self.nearest(self._space.suggest(trial))

    def parameters(self, architecture: Any) -> dict[str, Any]:
        """As the whole space tells them."""
        found: dict[str, Any] = self._space.parameters(architecture)
        return found

    def encode(self, architecture: Any) -> str:
        """As the whole space writes it."""
        return str(self._space.encode(architecture))

    def decode(self, text: str) -> Any:
        """As the whole space reads it."""
        return self._space.decode(text)

    def canonical(self, architecture: Any) -> Any:
        """As the whole space has it."""
        return self._space.canonical(architecture)

    def build(self, architecture: Any) -> nn.Module:
        """The benchmark's network."""
        network: nn.Module = self._space.build(architecture)
        return network


def macro_code(architecture: MacroCode) -> ndarray:
    """The digits, 0 behind the last module; shape (6,)."""
    return np.array([int(digit) for digit in architecture.digits.ljust(max(DEPTHS), "0")])


def cell_code(cell: Cell) -> ndarray:
    """Bits of the adjacency matrix of seven vertices, then operations, 0 where there is no vertex.

    The input is the first vertex, the output the last; shape (26,).
    """
    last = cell.vertices - 1
    adjacency = np.zeros((MOST_VERTICES, MOST_VERTICES), dtype=np.int64)
    for source, target in cell.edges:
        adjacency[source, MOST_VERTICES - 1 if target == last else target] = 1
    operations = np.zeros(MOST_VERTICES - 2, dtype=np.int64)
    operations[: len(cell.operations)] = [1 + OPERATIONS.index(o) for o in cell.operations]
    return np.concatenate([adjacency[np.triu_indices(MOST_VERTICES, 1)], operations])
