"""The NAS-Bench-101 space: cells of up to seven vertices, operations on them, and nine edges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, compress, permutations
from typing import Any

import numpy as np
from torch import nn

from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces._nasbench101_network import Network

OPERATIONS = ("conv3x3", "conv1x1", "maxpool3x3")
MOST_VERTICES, MOST_EDGES = 7, 9

Edges = tuple[tuple[int, int], ...]

_ALL_EDGES = tuple(combinations(range(MOST_VERTICES), 2))
_CELLS = (1, 6, 84, 2441, 62010, 359082)
"""Cells of the benchmark with two vertices, three, and so on."""


@dataclass(frozen=True)
class Cell:
    """A pruned cell: each vertex lies on a path from the input, vertex 0, to the output, the last.

    Attributes:
        operations: of the inner vertices, 1 onwards.
        edges: pairs (from vertex, to vertex), from below to, in ascending order.

    Raises:
        InvalidArgument: unless it is a cell of the benchmark.
    """

    operations: tuple[str, ...]
    edges: Edges

    def __post_init__(self) -> None:
        if self.vertices > MOST_VERTICES or not set(self.operations) <= set(OPERATIONS):
            raise InvalidArgument(
                f"operations={self.operations!r}: pass at most {MOST_VERTICES - 2} of {OPERATIONS}"
            )
        pairs = set(combinations(range(self.vertices), 2))
        if self.edges != tuple(sorted(set(self.edges) & pairs)) or len(self.edges) > MOST_EDGES:
            raise InvalidArgument(
                f"edges={self.edges!r}: pass at most {MOST_EDGES} ascending pairs of the vertices "
                f"0 to {self.vertices - 1}, each from a lower to a higher one"
            )
        if not _is_connected(self.edges, self.vertices):
            raise InvalidArgument(
                f"edges={self.edges!r}: leave out vertices on no path from 0 to {self.vertices - 1}"
            )

    @property
    def vertices(self) -> int:
        """Number of vertices, input and output included."""
        return len(self.operations) + 2


class NasBench101:
    """Cells of NAS-Bench-101 in their network: stacks of equal cells, pooled in between.

    Args:
        channels: of the stem and the first stack; doubled in each later stack.
        stacks: three in the benchmark.
        cells_per_stack: three in the benchmark.
        classes: outputs of the classifier.

    References:
        Ying et al., NAS-Bench-101, ICML 2019, arXiv:1902.09635.
    """

    def __init__(
        self, channels: int = 128, stacks: int = 3, cells_per_stack: int = 3, classes: int = 10
    ) -> None:
        # The output may join five vertices, each of one channel or more.
        if channels < MOST_VERTICES - 2 or min(stacks, cells_per_stack, classes) < 1:
            raise InvalidArgument(
                f"channels={channels}, stacks={stacks}, cells_per_stack={cells_per_stack}, "
                f"classes={classes}: pass positive numbers, {MOST_VERTICES - 2} channels or more"
            )
        self.channels, self.stacks = channels, stacks
        self.cells_per_stack, self.classes = cells_per_stack, classes

    @property
    def name(self) -> str:
        """Identity of the space with its settings."""
        shape = f"C{self.channels}S{self.stacks}N{self.cells_per_stack}"
        return f"nasbench101-{shape}-{self.classes}"

    def sample(self, rng: np.random.Generator) -> Cell:
        """A cell, uniform over the 423,624 of the benchmark."""
        vertices = 2 + int(rng.choice(len(_CELLS), p=np.divide(_CELLS, sum(_CELLS))))
        pairs = list(combinations(range(vertices), 2))
        while True:
            flags = rng.integers(0, 2, len(pairs)).tolist()
            # The first inner vertex can be fed by the input only, the last one feed the output.
            flags[0] = flags[-1] = 1
            if sum(flags) <= MOST_EDGES:
                edges = tuple(compress(pairs, flags))
                if _is_connected(edges, vertices):
                    operations = (OPERATIONS[i] for i in rng.integers(0, 3, vertices - 2))
                    cell = Cell(tuple(operations), edges)
                    # One of each class of isomorphic cells, or classes of many would come often.
                    if cell == self.canonical(cell):
                        return cell

    def mutate(self, architecture: Cell, rng: np.random.Generator) -> Cell:
        """The cell with another operation on one vertex, or with one or two edges put in or out.

        Of seven vertices: those that the cell lacks are put in at random places, without an edge,
        so that two edges join one of them. Never a mere relabelling.
        """
        while True:
            operations, edges = _of_seven_vertices(architecture, rng)
            changes = int(rng.integers(3))
            if changes == 0:
                vertex = int(rng.integers(len(operations)))
                others = [o for o in OPERATIONS if o != operations[vertex]]
                operations[vertex] = others[int(rng.integers(len(others)))]
            for place in rng.choice(len(_ALL_EDGES), changes, replace=False):
                edges ^= {_ALL_EDGES[place]}
            useful = _useful(edges)
            if 0 < len(useful) <= MOST_EDGES:
                neighbour = _cell(operations, useful)
                if self.canonical(neighbour) != self.canonical(architecture):
                    return neighbour

    def suggest(self, trial: Any) -> Cell:
        """A flag an edge, ``edge_FROM_TO``, and an operation a vertex, ``operation_VERTEX``.

        Any answers become a cell, so that no trial is lost: without a path the input is joined to
        the output; edges on no path go; while there are more than nine, that one goes which takes
        the fewest others with it, the first of equals. Fair answers make smaller cells, of 4.6
        vertices on average, than the benchmark has, 6.8.
        """
        flags = [trial.suggest_categorical(f"edge_{a}_{b}", (False, True)) for a, b in _ALL_EDGES]
        operations = [
            trial.suggest_categorical(f"operation_{vertex}", OPERATIONS)
            for vertex in range(1, MOST_VERTICES - 1)
        ]
        edges = _useful(compress(_ALL_EDGES, flags)) or ((0, MOST_VERTICES - 1),)
        while len(edges) > MOST_EDGES:
            edges = max((_useful(set(edges) - {edge}) for edge in edges), key=len)
        return _cell(operations, edges)

    def parameters(self, architecture: Cell) -> dict[str, Any]:
        """What a trial must hold for ``suggest`` to give this cell; what it lacks is a conv3x3."""
        last = architecture.vertices - 1
        ends = {(a, MOST_VERTICES - 1 if b == last else b) for a, b in architecture.edges}
        unused = MOST_VERTICES - 2 - len(architecture.operations)
        operations = [*architecture.operations, *OPERATIONS[:1] * unused]
        return {
            **{f"edge_{a}_{b}": (a, b) in ends for a, b in _ALL_EDGES},
            **{f"operation_{vertex}": name for vertex, name in enumerate(operations, start=1)},
        }

    def encode(self, architecture: Cell) -> str:
        """Operations and edges, ``conv3x3+conv1x1|01+02+13+23``."""
        edges = "+".join(f"{source}{target}" for source, target in architecture.edges)
        return f"{'+'.join(architecture.operations)}|{edges}"

    def decode(self, text: str) -> Cell:
        """The cell of such a text.

        Raises:
            InvalidArgument: if it is none.
        """
        head, bar, tail = text.partition("|")
        edges = tail.split("+")
        if not bar or not all(len(edge) == 2 and edge.isdecimal() for edge in edges):
            raise InvalidArgument(f"{text!r} is no cell: pass 'conv3x3+conv1x1|01+02+13+23'")
        operations = tuple(head.split("+")) if head else ()
        return Cell(operations, tuple((int(edge[0]), int(edge[1])) for edge in edges))

    def canonical(self, architecture: Cell) -> Cell:
        """The one of all relabelled cells that the benchmark trained.

        Its enumeration keeps the first of each class of isomorphic cells, by edges, then by
        operations. Relabelled cells compute the same but for the one channel more that the first
        vertices at the output get where the channels cannot be divided equally.
        """
        return _representative(architecture)

    def build(self, architecture: Cell) -> nn.Module:
        """The benchmark's network for images of three channels, batch normalisation affine."""
        return Network(
            architecture.operations,
            architecture.edges,
            channels=self.channels,
            stacks=self.stacks,
            cells_per_stack=self.cells_per_stack,
            classes=self.classes,
        )


def _is_connected(edges: Edges, vertices: int) -> bool:
    """Whether each vertex is on a path from the first to the last, as edges run upwards only."""
    sources, targets = {source for source, _ in edges}, {target for _, target in edges}
    return len(sources) == len(targets) == vertices - 1


def _useful(edges: Iterable[tuple[int, int]]) -> Edges:
    """Of edges among seven vertices those on a path from the first to the last, ascending."""
    ascending = sorted(edges)
    forward, backward = {0}, {MOST_VERTICES - 1}
    for source, target in ascending:
        if source in forward:
            forward.add(target)
    for source, target in reversed(ascending):
        if target in backward:
            backward.add(source)
    connected = forward & backward
    return tuple(edge for edge in ascending if connected.issuperset(edge))


def _cell(operations: Sequence[str], useful: Edges) -> Cell:
    """The cell of these edges among seven vertices, and of the operations at their ends."""
    kept = sorted({vertex for edge in useful for vertex in edge})
    label = {vertex: place for place, vertex in enumerate(kept)}
    return Cell(
        tuple(operations[vertex - 1] for vertex in kept[1:-1]),
        tuple((label[source], label[target]) for source, target in useful),
    )


def _of_seven_vertices(cell: Cell, rng: np.random.Generator) -> tuple[list[str], set[Any]]:
    """Five operations and the edges, after idle vertices were put in at random places."""
    inner = np.sort(rng.choice(np.arange(1, MOST_VERTICES - 1), len(cell.operations), False))
    label = [0, *inner.tolist(), MOST_VERTICES - 1]
    operations = [OPERATIONS[i] for i in rng.integers(0, 3, MOST_VERTICES - 2)]
    for vertex, operation in zip(label[1:-1], cell.operations, strict=True):
        operations[vertex - 1] = operation
    return operations, {(label[source], label[target]) for source, target in cell.edges}


@lru_cache(maxsize=2**12)
def _representative(cell: Cell) -> Cell:
    last = cell.vertices - 1
    relabelled = []
    for order in permutations(range(1, last)):
        label = (0, *order, last)
        edges = tuple(sorted((label[source], label[target]) for source, target in cell.edges))
        if all(source < target for source, target in edges):
            operation = dict(zip(order, cell.operations, strict=True))
            relabelled.append(Cell(tuple(operation[v] for v in range(1, last)), edges))
    return min(relabelled, key=_place_in_the_enumeration)


def _place_in_the_enumeration(cell: Cell) -> tuple[int, tuple[int, ...]]:
    bits = sum(1 << (source + target * (target - 1) // 2) for source, target in cell.edges)
    return bits, tuple(map(OPERATIONS.index, cell.operations))
