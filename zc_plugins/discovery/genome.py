"""Programs as DEAP's strongly typed trees: an expression under a reduction over layers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property, partial
from typing import Any

from zc_plugins._optional import require
from zc_plugins._seeding import seeded
from zc_plugins.discovery.expression import Expression, Reduce
from zc_plugins.discovery.operators import OPERATORS
from zc_plugins.discovery.parse import parse
from zc_plugins.errors import InvalidArgument

_LEFT_OUT = ("gt", "heaviside", "eq")
"""Operators that say what others say, and the equality of two numbers, which is chance."""

REDUCES: tuple[Reduce, ...] = ("sum", "mean", "minimum", "maximum")
Genome = tuple[str, ...]
"""Names of a tree's nodes, the root first, each before its arguments; a column's name is its text.

The root is a reduction over layers, all below it are numbers of one layer.
"""


class _Number:
    """The type of a layer's number."""


class _Score:
    """The type of a network's score."""


class Breeder:
    """Draws, crosses and changes genomes; all chance is that of one generator.

    Args:
        columns: what programs are made of.
        rng: its state is all that the breeder's future depends on.
        tallest: operators in a row, the reduction among them.

    Raises:
        MissingExtra: if DEAP is not installed.
    """

    def __init__(
        self, columns: Sequence[Expression], rng: random.Random, *, tallest: int = 6
    ) -> None:
        if not columns or tallest < 2:
            raise InvalidArgument(
                f"{len(columns)} columns, tallest={tallest}: pass a column or more, and 2 or more"
            )
        self._gp: Any = require("deap.gp", extra="evolve")
        self._rng, self._tallest = rng, tallest
        self._set = self._gp.PrimitiveSetTyped("proxy", [], _Score)
        for reduce in REDUCES:
            self._set.addPrimitive(len, [_Number], _Score, name=reduce_name(reduce))
        for operator in OPERATORS.values():
            said = operator.size_only or operator.name in _LEFT_OUT
            if operator.family == "elementwise" and not said:
                self._set.addPrimitive(len, [_Number] * operator.arity, _Number, name=operator.name)
        for column in columns:
            self._set.addTerminal(column, _Number, name=str(column))

    def fresh(self, low: int = 2, high: int = 5) -> Genome:
        """A random tree of so many levels of operators, half of them full to the last."""
        with self._chance():
            high = min(high, self._tallest)
            tree = self._gp.genHalfAndHalf(self._set, min(low, high), high)
        return _genome(tree)

    def crossed(self, one: Genome, other: Genome) -> Genome:
        """The one with a part of the other in place of one of its own."""
        with self._chance():
            child, _ = self._gp.cxOnePoint(self._tree(one), self._tree(other))
        return self._fitting(child, one)

    def mutated(self, parent: Genome) -> Genome:
        """The parent with a part drawn anew, a node renamed, a node put in, or a branch cut."""
        gp = self._gp
        with self._chance():
            change = random.choice(
                (
                    partial(
                        gp.mutUniform, expr=partial(gp.genGrow, min_=1, max_=3), pset=self._set
                    ),
                    partial(gp.mutNodeReplacement, pset=self._set),
                    partial(gp.mutInsert, pset=self._set),
                    gp.mutShrink,
                    self._other_reduction,
                )
            )
            (child,) = change(self._tree(parent))
        return self._fitting(child, parent)

    def _other_reduction(self, tree: Any) -> tuple[Any]:
        tree[0] = random.choice(self._set.primitives[_Score])
        return (tree,)

    def _fitting(self, child: Any, parent: Genome) -> Genome:
        return _genome(child) if child.height <= self._tallest else parent

    def _tree(self, genome: Genome) -> Any:
        return self._gp.PrimitiveTree([self._nodes[name] for name in genome])

    @cached_property
    def _nodes(self) -> dict[str, Any]:
        kinds = (*self._set.primitives.values(), *self._set.terminals.values())
        return {node.name: node for nodes in kinds for node in nodes}

    @contextmanager
    def _chance(self) -> Iterator[None]:
        """DEAP draws from Python's global generator: lend it ours, and give the user's back."""
        with seeded(0):
            random.setstate(self._rng.getstate())
            try:
                yield
            finally:
                self._rng.setstate(random.getstate())


def reduce_name(reduce: Reduce) -> str:
    """Of a reduction in a genome."""
    return f"{reduce}_over_layers"


def program(genome: Genome) -> tuple[Expression, Reduce]:
    """The expression and its reduction over layers.

    Raises:
        InvalidArgument: if the names are no tree.
    """
    known: dict[str, Reduce] = {reduce_name(reduce): reduce for reduce in REDUCES}
    names = iter(genome)
    reduce = known.get(next(names, ""))

    def built() -> Expression:
        name = next(names, None)
        if name is None:
            raise InvalidArgument(f"genome {genome} ends within a tree")
        if name in OPERATORS:
            return Expression(name, tuple(built() for _ in range(OPERATORS[name].arity)))
        return _column(name)

    if reduce is None:
        raise InvalidArgument(f"genome {genome} begins with no reduction over layers")
    expression = built()
    if next(names, None) is not None:
        raise InvalidArgument(f"genome {genome} goes on after its tree")
    return expression, reduce


def _genome(tree: Sequence[Any]) -> Genome:
    return tuple(node.name for node in tree)


@cache
def _column(text: str) -> Expression:
    return parse(text)
