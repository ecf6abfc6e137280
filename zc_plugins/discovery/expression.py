"""A proxy as an expression over the statistics of one layer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from zc_plugins.discovery.operators import OPERATORS, Kind
from zc_plugins.discovery.terminals import TERMINALS, terminal_latex
from zc_plugins.errors import InvalidArgument, UnknownName, Unscorable

FORMAT = "zc_plugins expression 1"
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
        values = [argument.value(evidence) for argument in self.arguments]
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
