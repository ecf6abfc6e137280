"""The space of DARTS and NAS-Bench-301: a normal and a reduction cell of four nodes each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, permutations
from typing import Any

import numpy as np
from torch import nn

from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces._darts_network import NODES, Network

OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
"""Separable convolutions are applied twice; dilated ones are separable too, of dilation 2."""

CELLS = ("normal", "reduction")

Node = tuple[tuple[str, int], tuple[str, int]]
"""Two pairs (operation, source), of ascending sources; 0 and 1 are the outputs before the cell."""

Cell = tuple[Node, ...]

_INPUTS = 2
_NUMBERS = range(_INPUTS, _INPUTS + NODES)


@dataclass(frozen=True)
class Genotype:
    """Two cells, each of four nodes, numbered from 2, that sum two operations on earlier nodes.

    Attributes:
        normal: the cell that keeps the resolution.
        reduction: the cell that halves it.

    Raises:
        InvalidArgument: unless each node reads two different earlier ones, the lower one first.
    """

    normal: Cell
    reduction: Cell

    def __post_init__(self) -> None:
        for name in CELLS:
            cell: Cell = getattr(self, name)
            if len(cell) != NODES or not all(
                0 <= first < second < number and {one, other} <= set(OPERATIONS)
                for number, ((one, first), (other, second)) in zip(_NUMBERS, cell, strict=False)
            ):
                raise InvalidArgument(
                    f"{name}={cell!r}: pass {NODES} nodes of two (operation, source) each, "
                    f"operations of {OPERATIONS}, sources ascending and below the node's number"
                )


def _questions() -> Iterator[tuple[str, tuple[str, ...]]]:
    for cell in CELLS:
        for number in _NUMBERS:
            pairs = combinations(range(number), 2)
            yield f"{cell}_{number}_sources", tuple(f"{one}+{other}" for one, other in pairs)
            for place in range(2):
                yield f"{cell}_{number}_operation_{place}", OPERATIONS


QUESTIONS = dict(_questions())
"""Names and choices of the parameters that make a genotype."""


class Darts:
    """Cells of DARTS in the network that NAS-Bench-301 trains on CIFAR-10.

    Args:
        channels: of a node in the first cell, 32 in NAS-Bench-301; even. Twice doubled.
        cells: 8 in NAS-Bench-301; at one and two thirds of the depth is a reduction.
        classes: outputs of the classifier.
        affine: whether the operations' batch normalisation has weights, as in training;
            NAS-Bench-Suite-Zero scores networks without.

    References:
        Liu et al., DARTS, ICLR 2019, arXiv:1806.09055; Zela et al., NAS-Bench-301, ICLR 2022,
        arXiv:2008.09777.
    """

    def __init__(
        self, channels: int = 32, cells: int = 8, classes: int = 10, *, affine: bool = True
    ) -> None:
        if channels < 2 or channels % 2 or cells < 3 or classes < 1:
            raise InvalidArgument(
                f"channels={channels}, cells={cells}, classes={classes}: pass an even number, "
                "3 cells or more, and a positive number"
            )
        self.channels, self.cells, self.classes, self.affine = channels, cells, classes, affine

    @property
    def name(self) -> str:
        """Identity of the space with its settings."""
        shape = f"C{self.channels}N{self.cells}-{self.classes}"
        return f"darts-{shape}{'' if self.affine else '-not-affine'}"

    def sample(self, rng: np.random.Generator) -> Genotype:
        """A genotype: each operation uniform, each node's two sources uniform over the pairs."""
        return _assembled({name: _drawn(choices, rng) for name, choices in QUESTIONS.items()})

    def mutate(self, architecture: Genotype, rng: np.random.Generator) -> Genotype:
        """The genotype with another operation on one edge, or another pair of sources of a node.

        Never a mere relabelling.
        """
        chosen = _answers(architecture)
        # The first nodes can read nothing but the two inputs.
        names = [name for name, choices in QUESTIONS.items() if len(choices) > 1]
        while True:
            name = _drawn(names, rng)
            choice = _drawn([c for c in QUESTIONS[name] if c != chosen[name]], rng)
            neighbour = _assembled({**chosen, name: choice})
            if self.canonical(neighbour) != self.canonical(architecture):
                return neighbour

    def suggest(self, trial: Any) -> Genotype:
        """Categorical ``normal_3_sources``, ``"0+2"``, and ``normal_3_operation_0`` and ``_1``.

        And so on for the nodes 2 to 5 of each cell; of node 2 the sources are always ``"0+1"``.
        """
        return _assembled(
            {name: trial.suggest_categorical(name, c) for name, c in QUESTIONS.items()}
        )

    def encode(self, architecture: Genotype) -> str:
        """The cells, ``|op~0|op~1|+|op~0|op~2|+...;|op~0|op~1|+...``: a bar an edge."""
        return ";".join(
            "+".join(f"|{one}~{first}|{other}~{second}|" for (one, first), (other, second) in cell)
            for cell in (architecture.normal, architecture.reduction)
        )

    def decode(self, text: str) -> Genotype:
        """The genotype of such a text.

        Raises:
            InvalidArgument: if it is none.
        """
        cells = [tuple(_node(node) for node in cell.split("+")) for cell in text.split(";")]
        if len(cells) != len(CELLS):
            raise InvalidArgument(f"{text!r} holds no two cells: join them by one ';'")
        genotype = Genotype(*cells)
        if self.encode(genotype) != text:
            raise InvalidArgument(f"{text!r} is no genotype: pass {self.encode(genotype)!r}")
        return genotype

    def canonical(self, architecture: Genotype) -> Genotype:
        """The first, by its text, of all genotypes that differ in the order of nodes only.

        They compute the same but for the order of the channels that a cell joins.
        """
        return Genotype(
            _representative(architecture.normal), _representative(architecture.reduction)
        )

    def build(self, architecture: Genotype) -> nn.Module:
        """The network for images of three channels, without auxiliary head and drop path."""
        normal, reduction = (
            [edge for node in cell for edge in node]
            for cell in (architecture.normal, architecture.reduction)
        )
        return Network(
            normal,
            reduction,
            channels=self.channels,
            cells=self.cells,
            classes=self.classes,
            affine=self.affine,
        )


def _assembled(answers: Mapping[str, str]) -> Genotype:
    cells = []
    for cell in CELLS:
        nodes = []
        for number in _NUMBERS:
            first, second = map(int, answers[f"{cell}_{number}_sources"].split("+"))
            one, other = (answers[f"{cell}_{number}_operation_{place}"] for place in range(2))
            nodes.append(((one, first), (other, second)))
        cells.append(tuple(nodes))
    return Genotype(*cells)


def _answers(architecture: Genotype) -> dict[str, str]:
    """The genotype as answers, by the names of the questions."""
    answers = {}
    for cell in CELLS:
        for number, node in zip(_NUMBERS, getattr(architecture, cell), strict=True):
            (one, first), (other, second) = node
            answers[f"{cell}_{number}_sources"] = f"{first}+{second}"
            answers[f"{cell}_{number}_operation_0"] = one
            answers[f"{cell}_{number}_operation_1"] = other
    return answers


def _drawn(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


def _node(text: str) -> Node:
    edges = [edge.partition("~") for edge in text.strip("|").split("|")]
    if len(edges) != 2 or not all(re.fullmatch("[0-9]{1,2}", source) for _, _, source in edges):
        raise InvalidArgument(
            f"{text!r} is no node: pass one such as '|sep_conv_3x3~0|skip_connect~1|'"
        )
    (one, _, first), (other, _, second) = edges
    return (one, int(first)), (other, int(second))


@lru_cache(maxsize=2**12)
def _representative(cell: Cell) -> Cell:
    """The least of the cell's relabellings in which sources come before their nodes."""
    relabelled = []
    for order in permutations(_NUMBERS):
        label = {0: 0, 1: 1, **dict(zip(order, _NUMBERS, strict=True))}
        nodes = []
        for number in order:
            edges = [(operation, label[source]) for operation, source in cell[number - _INPUTS]]
            first, second = sorted(edges, key=lambda edge: edge[1])
            if second[1] >= label[number]:
                break
            nodes.append((first, second))
        else:
            relabelled.append(tuple(nodes))
    return min(relabelled)
