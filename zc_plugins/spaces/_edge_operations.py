"""A cell of four nodes as a word: one operation on each of its six edges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from zc_plugins.errors import InvalidArgument

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""Pairs (from node, to node), in the order of the published strings."""


_NAMES = tuple(f"edge_{source}_{target}" for source, target in EDGES)


def require_operations(operations: Sequence[str], known: Sequence[str]) -> None:
    """Refuse all but one known operation an edge.

    Raises:
        InvalidArgument: if there are others, or more or fewer.
    """
    if len(operations) != len(EDGES) or not set(operations) <= set(known):
        raise InvalidArgument(f"operations={operations!r}: pass {len(EDGES)} of {known}")


def all_operations(known: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Every word, in the order of the known operations."""
    return product(known, repeat=len(EDGES))


def drawn_operations(known: Sequence[str], rng: np.random.Generator) -> tuple[str, ...]:
    """A word, uniform over all."""
    return tuple(known[i] for i in rng.integers(0, len(known), len(EDGES)))


def mutated_operations(
    operations: Sequence[str], known: Sequence[str], rng: np.random.Generator
) -> tuple[str, ...]:
    """The word with another operation on one edge."""
    edge = int(rng.integers(len(EDGES)))
    others = [o for o in known if o != operations[edge]]
    mutated = list(operations)
    mutated[edge] = others[int(rng.integers(len(others)))]
    return tuple(mutated)


def suggested_operations(known: Sequence[str], trial: Any) -> tuple[str, ...]:
    """The word of a trial's categorical parameters, named ``edge_FROM_TO``."""
    return tuple(trial.suggest_categorical(name, known) for name in _NAMES)


def operation_parameters(operations: Sequence[str]) -> dict[str, str]:
    """The parameters of which ``suggested_operations`` makes the word."""
    return dict(zip(_NAMES, operations, strict=True))
