"""An equal expression with fewer or more usual operators."""

from __future__ import annotations

from collections.abc import Callable

from zc_plugins.discovery.expression import Expression
from zc_plugins.discovery.operators import OPERATORS

_OTHER_NAMES = {"heaviside": "gt0", "eig": "sym_eig"}
_SIGN_BLIND = ("abslog", "square", "fro", "l1", "root")


def simplified(expression: Expression) -> Expression:
    """The expression, rewritten where the result is the same number for number.

    Expressions that differ in the order of a sum, a doubled ``abs`` or a comparison turned round
    become one. Only rewrites that hold in floating point are made, also where a part overflows or
    is undefined: ``x - x`` becomes zeros only where x is surely finite, and ``exp(log(x))`` stays.

    Example:
        >>> from zc_plugins.discovery import parse
        >>> str(simplified(parse("square(abs(fro(abs(T2GN))))")))
        'square(fro(T2GN))'
    """
    arguments = tuple(map(simplified, expression.arguments))
    if not arguments:
        return expression
    # Each rewrite gives fewer operators or a more usual one, so this ends.
    found = _rewritten(Expression(expression.head, arguments))
    return found if found == expression else simplified(found)


def _rewritten(whole: Expression) -> Expression:
    """One rewrite of the root, if there is any."""
    if len(whole.arguments) == 2:
        return _of_two(whole, *whole.arguments)
    return _of_one(whole, whole.arguments[0])


def _of_one(whole: Expression, x: Expression) -> Expression:
    head, inner, nonnegative = whole.head, x.arguments, _is_nonnegative(x)
    indicates = x.head in ("gt0", "lt0", "lt", "eq")
    rewrites: tuple[tuple[bool, Callable[[], Expression]], ...] = (
        (head in _OTHER_NAMES, lambda: Expression(_OTHER_NAMES[head], (x,))),
        (head in ("abs", "relu") and nonnegative, lambda: x),
        (head in _SIGN_BLIND and x.head == "abs", lambda: Expression(head, inner)),
        (head == "l1" and nonnegative, lambda: Expression("mean", (x,))),
        (head in ("sign", "gt0") and indicates, lambda: x),
        (head == "sign" and x.head == "sign", lambda: x),
        (head in ("gt0", "lt0") and x.head == "sign", lambda: Expression(head, inner)),
        (head in ("sign", "gt0") and x.head == "relu", lambda: Expression("gt0", inner)),
        (head == "lt0" and nonnegative, lambda: Expression("zeros_like", (x,))),
        (OPERATORS[head].size_only and _keeps_shape(x), lambda: Expression(head, inner)),
    )
    return next((made() for holds, made in rewrites if holds), whole)


def _of_two(whole: Expression, x: Expression, y: Expression) -> Expression:
    head = whole.head
    if head == "gt":
        return Expression("lt", (y, x))
    if OPERATORS[head].symmetric and str(y) < str(x):
        return Expression(head, (y, x))
    if x == y:
        same = {"lt": "zeros_like", "mul": "square"}
        if _is_finite(x):
            same |= {"sub": "zeros_like", "eq": "ones_like"}
        if head in ("minimum", "maximum"):
            return x
        if head in same:
            return Expression(same[head], (x,))
    return whole


def _is_nonnegative(x: Expression) -> bool:
    """Never below 0; no operator tells 0 from -0."""
    return bool(x.arguments) and OPERATORS[x.head].nonnegative


def _is_finite(x: Expression) -> bool:
    """Surely finite; statistics are, since what is not has no score."""
    return not x.arguments or (OPERATORS[x.head].finite and all(map(_is_finite, x.arguments)))


def _keeps_shape(x: Expression) -> bool:
    """One argument, of the same shape, and no error."""
    family = OPERATORS[x.head].family if len(x.arguments) == 1 else ""
    return family in ("elementwise", "tensor")
