"""What the graph of a cell looks like, as columns: paths and degrees by operation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.scores import ScoreTable

EDGE = re.compile(r"edge_(\d+)_(\d+)")
"""How spaces of cells call the parameter that chooses the operation on an edge."""

ABSENT = "none"
"""The operation that passes nothing."""

Edges = dict[tuple[int, int], Any]


@dataclass(frozen=True, eq=False)
class GraphColumns:
    """Of the subgraph of each set of operations, and of each operation; nothing without a graph.

    Of a set: the shortest and the longest path from input to output, the number of paths, of edges,
    and of those at input and output. Of an operation: the edges that have it, and the fewest and
    the most of them on a path.

    Attributes:
        operations: of the training set, but for ``ABSENT``.
        last: number of the output node; the input is 0.

    References:
        Kadlecova et al., Surprisingly strong performance prediction with neural graph features
        (GRAF), ICML 2024, arXiv:2404.16551: the idea and most of these.
    """

    operations: tuple[Any, ...]
    last: int

    @staticmethod
    def of(table: ScoreTable) -> GraphColumns:
        """The columns of a training set."""
        graphs = [_edges(parameters) for parameters in table.parameters]
        operations = sorted({o for graph in graphs for o in graph.values()} - {ABSENT}, key=str)
        last = max((target for graph in graphs for _, target in graph), default=0)
        return GraphColumns(tuple(operations), last)

    def matrix(self, table: ScoreTable) -> Float[ndarray, "candidates columns"]:
        """Numbers of edges and paths; a path that is not there has length -1."""
        known: dict[tuple[Any, ...], list[float]] = {}
        rows = []
        for parameters in table.parameters:
            edges = _edges(parameters)
            key = tuple(edges.items())
            if key not in known:
                known[key] = self._row(edges)
            rows.append(known[key])
        return np.array(rows, dtype=np.float64).reshape(len(table), -1)

    def _row(self, edges: Edges) -> list[float]:
        paths = self._paths(edges)
        # Of each operation: its edges, those at the input and those at the output.
        counts: dict[Any, list[int]] = {operation: [0, 0, 0] for operation in self.operations}
        for (source, target), operation in edges.items():
            if operation in counts:
                here = (1, source == 0, target == self.last)
                counts[operation] = [n + m for n, m in zip(counts[operation], here, strict=True)]
        row: list[float] = []
        for size in range(1, len(self.operations) + 1):
            for allowed in map(frozenset, combinations(self.operations, size)):
                lengths = [len(path) for path in paths if allowed.issuperset(path)]
                row += [min(lengths, default=-1), max(lengths, default=-1), len(lengths)]
                row += map(sum, zip(*(counts[operation] for operation in allowed), strict=True))
        for operation in self.operations:
            lengths = [path.count(operation) for path in paths]
            row += [min(lengths, default=-1), max(lengths, default=-1)]
        return row

    def _paths(self, edges: Edges) -> list[tuple[Any, ...]]:
        """The operations along each path from input to output."""
        ways: dict[int, list[tuple[Any, ...]]] = {0: [()]}
        for (source, target), operation in sorted(edges.items(), key=lambda item: item[0][::-1]):
            if operation != ABSENT:
                reached = [(*path, operation) for path in ways.get(source, ())]
                ways.setdefault(target, []).extend(reached)
        return ways.get(self.last, []) if self.last else []


def _edges(parameters: Mapping[str, Any]) -> Edges:
    found: Edges = {}
    for name, operation in parameters.items():
        matched = EDGE.fullmatch(name)
        if matched:
            found[int(matched[1]), int(matched[2])] = operation
    return found
