"""Text to expression, without eval."""

from __future__ import annotations

import re
from collections.abc import Iterator

from zc_plugins._read_json import read_json
from zc_plugins.discovery.expression import DEEPEST, FORMAT, Expression
from zc_plugins.errors import InvalidArgument

_TOKEN = re.compile(r"\s*(?:(?P<name>[A-Za-z_]\w*)|(?P<mark>[(),])|(?P<end>$)|(?P<odd>.))", re.S)


def parse(text: str) -> Expression:
    """The expression that is written as ``operator(argument, ...)``; spaces do not matter.

    Raises:
        InvalidArgument: if it is not well formed, or an operator does not take its arguments; with
            the place, counted from 1.

    Example:
        >>> parse("mean( add(T1D,T2D) )").kind
        'number'
        >>> parse("mean(T3")
        Traceback (most recent call last):
        ...
        zc_plugins.errors.InvalidArgument: character 8: ',' or ')' expected, the text ends
    """
    tokens = _Tokens(text)
    found = _expression(tokens, 0)
    tokens.expect("", "the end")
    return found


def parse_json(text: str) -> Expression:
    """The expression of a JSON text, as ``Expression.json`` gives it.

    Raises:
        InvalidArgument: if it is none.
    """
    try:
        held = read_json(text)
    except ValueError as error:
        raise InvalidArgument(f"no expression ({error}): pass what .json of one gave") from None
    if not isinstance(held, dict) or held.get("format") != FORMAT:
        raise InvalidArgument(f"no text of format {FORMAT!r}: pass what .json of one gave")
    return parse(str(held.get("expression")))


class _Tokens:
    """The text's names and marks, one of them at hand."""

    def __init__(self, text: str) -> None:
        self._matches: Iterator[re.Match[str]] = _TOKEN.finditer(text)
        self.step()

    def step(self) -> None:
        match = next(self._matches)
        self.kind = match.lastgroup
        self.text = match[match.lastgroup or 0]
        self.place = match.start(match.lastgroup or 0) + 1

    def expect(self, mark: str, told: str) -> None:
        """Pass over a mark; the empty one is the text's end."""
        if self.text != mark:
            raise self.error(f"{told} expected")
        if mark:
            self.step()

    def error(self, what: str, place: int | None = None) -> InvalidArgument:
        found = "" if place is not None else f", {self._told}"
        return InvalidArgument(f"character {place or self.place}: {what}{found}")

    @property
    def _told(self) -> str:
        return "the text ends" if self.kind == "end" else f"got {self.text!r}"


def _expression(tokens: _Tokens, level: int) -> Expression:
    if tokens.kind != "name":
        raise tokens.error("an operator or terminal expected")
    if level > DEEPEST:
        raise tokens.error(f"more than {DEEPEST} levels", tokens.place)
    head, place, arguments = tokens.text, tokens.place, list[Expression]()
    tokens.step()
    if tokens.text == "(":
        while not arguments or tokens.text == ",":
            tokens.step()
            arguments.append(_expression(tokens, level + 1))
        tokens.expect(")", "',' or ')'")
    try:
        return Expression(head, tuple(arguments))
    except InvalidArgument as error:
        raise tokens.error(str(error), place) from error
