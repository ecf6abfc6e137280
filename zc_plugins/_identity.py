"""What tells one function from another, the same in every process."""

from __future__ import annotations

import functools
import hashlib
from types import CodeType
from typing import Any


def identity(function: Any) -> str:
    """A function's name, a digest of its code, and the plain values that it binds or captures.

    Two lambdas of one module differ, a function that was edited differs from what it was, and
    comments and line numbers do not matter. What it calls is not looked into.
    """
    if isinstance(function, functools.partial):
        named = [f"{name}={_text(value)}" for name, value in function.keywords.items()]
        bound = ", ".join([*map(_text, function.args), *named])
        return f"{identity(function.func)}({bound})"
    kind = type(function)
    module = getattr(function, "__module__", kind.__module__)
    name = f"{module}.{getattr(function, '__qualname__', kind.__qualname__)}"
    code = getattr(function, "__code__", None)
    if code is not None:
        name += f"#{hashlib.sha256(_content(code).encode()).hexdigest()[:8]}"
    captured = [_text(cell.cell_contents) for cell in getattr(function, "__closure__", None) or ()]
    return f"{name}[{', '.join(captured)}]" if captured else name


def _content(code: CodeType) -> str:
    constants = [_content(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return repr((code.co_code.hex(), code.co_names, constants))


def _text(value: Any) -> str:
    """A plain value's repr, a function's identity, else the type: other reprs hold addresses."""
    if isinstance(value, (bool, int, float, str, bytes, type(None))):
        return repr(value)
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_text, value))})"
    return identity(value) if callable(value) else type(value).__qualname__
