"""A proxy as an expression over the statistics of one layer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from torch import Tensor

from zc_plugins._shapes import Float, ndarray
from zc_plugins.discovery.operators import OPERATORS, Kind
from zc_plugins.discovery.terminals import TERMINALS, terminal_latex
from zc_plugins.errors import InvalidArgument, UnknownName, Unscorable
from zc_plugins.probes.relu_conv_bn import TripleEvidence
from zc_plugins.proxies import Proxy

FORMAT = "zc_plugins expression 1"
Reduce = Literal["sum", "mean", "minimum", "maximum"]
Undefined = Literal["refuse", "omit"]

DEEPEST = 90
"""Levels at most, which Python's own stack bears."""


@dataclass(frozen=True)
class Expression:
    """An operator over arguments, or a terminal; a value, equal to another of the same text.

    Attributes:
        head: name of the operator or terminal.
        arguments: of the operator.
        kind: what it gives.
        depth: levels below the root; 0 for a terminal.

    Raises:
        UnknownName: with the nearest names.
        InvalidArgument: if the operator does not take such arguments.

    Example:
        >>> from zc_plugins.discovery import parse
        >>> proxy = parse("fro(sigmoid(logdet(sign(T3GN))))")
        >>> proxy.kind, proxy.depth, sorted(proxy.terminals)
        ('number', 4, ['T3GN'])
        >>> print(parse("log(fro(T2GN))").latex)
        \\log\\left(\\left\\lVert \\nabla T_2^{N} \\right\\rVert_F\\right)
    """

    head: str
    arguments: tuple[Expression, ...] = ()
    kind: Kind = field(init=False, compare=False, repr=False)
    depth: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.head in TERMINALS:
            if self.arguments:
                raise InvalidArgument(f"{self.head} is a terminal, it takes no arguments")
            kind, depth = TERMINALS[self.head], 0
        elif self.head in OPERATORS:
            kind = OPERATORS[self.head].kind(*(argument.kind for argument in self.arguments))
            depth = 1 + max(argument.depth for argument in self.arguments)
        else:
            raise UnknownName("operator or terminal", self.head, [*OPERATORS, *TERMINALS])
        if depth > DEEPEST:
            raise InvalidArgument(f"{depth} levels: pass an expression of {DEEPEST} or fewer")
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "depth", depth)

    def __str__(self) -> str:
        if not self.arguments:
            return self.head
        return f"{self.head}({', '.join(map(str, self.arguments))})"

    def __iter__(self) -> Iterator[Expression]:
        """All subexpressions, the root first."""
        yield self
        for argument in self.arguments:
            yield from argument

    @property
    def latex(self) -> str:
        """The formula, for one layer; every operand stands in delimiters of its own."""
        if not self.arguments:
            return terminal_latex(self.head)
        template = OPERATORS[self.head].latex
        for place, argument in enumerate(self.arguments, 1):
            template = template.replace(f"#{place}", argument.latex)
        return template

    @property
    def terminals(self) -> frozenset[str]:
        """Names of the statistics that it reads."""
        return frozenset(part.head for part in self if not part.arguments)

    @property
    def size_only(self) -> bool:
        """It sees the shapes of statistics and none of their data: a count in disguise."""
        if not self.arguments:
            return False
        return OPERATORS[self.head].size_only or all(a.size_only for a in self.arguments)

    def value(self, evidence: Mapping[str, Tensor]) -> Tensor:
        """What it gives for one layer; nothing in the evidence is written into.

        Args:
            evidence: a tensor for each of its terminals, in float32 or float64 and of one device.

        Raises:
            Unscorable: if an operator is undefined for these shapes.
        """
        if not self.arguments:
            return evidence[self.head]
        return self.applied([argument.value(evidence) for argument in self.arguments])

    def applied(self, values: Sequence[Tensor]) -> Tensor:
        """What its operator gives for the values of its arguments.

        Raises:
            Unscorable: if it is undefined for these shapes.
        """
        shapes = {tuple(value.shape) for value in values if value.dim()}
        if len(shapes) > 1:
            told = " and ".join("x".join(map(str, value.shape)) for value in values)
            raise Unscorable(f"{self.head} takes tensors of one shape, got {told}")
        return OPERATORS[self.head].compute(*values)

    def number(self, evidence: Mapping[str, Tensor]) -> Tensor:
        """The mean of ``value``, of shape (): what one layer adds to the proxy."""
        return self.value(evidence).mean()

    @property
    def json(self) -> str:
        """As JSON, which ``parse_json`` reads."""
        return json.dumps({"format": FORMAT, "expression": str(self)})

    def proxy(self, name: str, *, reduce: Reduce = "sum", undefined: Undefined = "refuse") -> Proxy:
        """This expression as a proxy, for a ``Scorer``: higher is better.

        Args:
            name: in tables and notes.
            reduce: of the numbers of layers. The authors of EZNAS take the mean; the sum knows
                how many layers there are; minimum and maximum see one layer.
            undefined: what to do with a layer for whose shapes the expression has no value: refuse
                the network with the reason in its notes, or leave the layer out, as the authors do;
                its name is missing then from ``Scorer.layer_scores``.

        Raises:
            InvalidArgument: if ``reduce`` or ``undefined`` is unknown.
        """
        if reduce not in _REDUCTIONS:
            raise InvalidArgument(f"reduce={reduce!r}: pass one of {[*_REDUCTIONS]}")
        if undefined not in ("refuse", "omit"):
            raise InvalidArgument(f"undefined={undefined!r}: pass 'refuse' or 'omit'")
        return Proxy(
            name=name,
            reads="relu_conv_bn",
            measure=LayerNumber(self, undefined == "omit"),
            layer_score=finite,
            reduce=_REDUCTIONS[reduce],
            paper=f"{reduce.capitalize()} over layers of {self}.",
        )


@dataclass(frozen=True)
class LayerNumber:
    """A measure: the expression's number for one layer.

    Attributes:
        expression: of the layer's statistics.
        omits: skip layers for whose shapes it has no value.
    """

    expression: Expression
    omits: bool = False

    @property
    def terminals(self) -> frozenset[str]:
        """Which statistics the probe has to take."""
        return self.expression.terminals

    def __call__(self, evidence: TripleEvidence) -> Tensor | None:
        """Of shape ().

        Raises:
            Unscorable: if the expression has no value for these shapes.
        """
        try:
            return self.expression.number(evidence.statistics)
        except Unscorable as reason:
            if self.omits:
                return None
            raise Unscorable(f"{evidence.name}: {reason}") from reason


def finite(number: Float[ndarray, ""]) -> float:
    """A layer's number.

    Raises:
        Unscorable: if it is not finite; that is the expression's fault more often than the
            network's, whose own NaN the probe finds.
    """
    if not np.isfinite(number):
        raise Unscorable(f"the expression is {float(number)}")
    return float(number)


def _total(numbers: Float[ndarray, " layers"]) -> float:
    return float(_some(numbers).sum())


def _mean(numbers: Float[ndarray, " layers"]) -> float:
    return float(_some(numbers).mean())


def _minimum(numbers: Float[ndarray, " layers"]) -> float:
    return float(_some(numbers).min())


def _maximum(numbers: Float[ndarray, " layers"]) -> float:
    return float(_some(numbers).max())


def _some(numbers: Float[ndarray, " layers"]) -> Float[ndarray, " layers"]:
    if not len(numbers):
        raise Unscorable("the expression has no value for the shapes of any layer")
    return numbers


_REDUCTIONS = {"sum": _total, "mean": _mean, "minimum": _minimum, "maximum": _maximum}
