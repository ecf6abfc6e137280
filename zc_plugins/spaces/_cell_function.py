"""Which cells compute the same function, and which of them stands for all."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from zc_plugins.spaces._edge_operations import EDGES, all_operations

Operations = tuple[str, ...]
"""One an edge, in the order of ``EDGES``."""

Function = tuple[str, tuple[str, ...]]
"""The sum at a cell's output as text, and the convolutions in it."""

_Term = tuple[str, frozenset[tuple[int, str]]]
"""A term of a sum as text, and the (edge, text) of each convolution inside it."""


def cell_function(operations: Operations) -> Function:
    """The cell's function: equal exactly for cells that compute the same.

    The first part is the sum at the output, written out: a skip connection from a sum adds its
    terms. The second part is the convolutions in it, since f(x) + f(x) may be one or two of them.
    """
    nodes: list[list[_Term]] = [[("x", frozenset())]]
    for node in (1, 2, 3):
        terms: list[_Term] = []
        for edge, ((source, target), operation) in enumerate(zip(EDGES, operations, strict=True)):
            if target != node or operation == "none" or not nodes[source]:
                continue
            if operation == "skip_connect":
                terms.extend(nodes[source])
                continue
            text = f"{operation}({_sum_text(nodes[source])})"
            own = {(edge, text)} if operation.startswith("nor_conv") else set()
            terms.append((text, _convolutions(nodes[source]) | own))
        nodes.append(terms)
    convolutions = tuple(sorted(text for _, text in _convolutions(nodes[-1])))
    return _sum_text(nodes[-1]), convolutions


def representative(
    operations: Operations,
    known: Operations,
    function: Callable[[Operations], Function] = cell_function,
) -> Operations:
    """Of all cells with one function the first in the order of the known operations.

    Args:
        operations: of a cell with that function.
        known: all operations that an edge may have.
        function: tells which cells are equal.
    """
    return _representatives(known, function)[function(operations)]


@cache
def _representatives(
    known: Operations, function: Callable[[Operations], Function]
) -> dict[Function, Operations]:
    first: dict[Function, Operations] = {}
    for operations in all_operations(known):
        first.setdefault(function(operations), operations)
    return first


def _sum_text(terms: list[_Term]) -> str:
    return "+".join(sorted(text for text, _ in terms))


def _convolutions(terms: list[_Term]) -> frozenset[tuple[int, str]]:
    return frozenset().union(*(inside for _, inside in terms))
