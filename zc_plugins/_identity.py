"""What tells one function from another, the same in every process."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import hashlib
import types
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch


def identity(function: Any) -> str:
    """A function's name, a digest of its code, and the values that it binds or captures.

    Two lambdas of one module differ, and a function that was edited differs from what it was;
    comments and line numbers do not matter. Values are numbers, texts, containers, dataclasses,
    namespaces, arrays and functions; of other objects only the type counts. What the function
    calls is not looked into.
    """
    return _identity(function, frozenset())


def fingerprint(value: Any) -> str:
    """A value as text that is the same in every process; functions by their identity."""
    return _text(value, frozenset())


def _identity(function: Any, seen: frozenset[int]) -> str:
    if id(function) in seen:
        return "itself"
    seen |= {id(function)}
    if isinstance(function, functools.partial):
        return _identity(function.func, seen) + _text((function.args, function.keywords), seen)
    if isinstance(function, types.MethodType):
        return _identity(function.__func__, seen) + _state(function.__self__, seen)
    code = getattr(function, "__code__", None)
    if code is None:
        named = isinstance(function, (type, types.BuiltinFunctionType))
        return _name(function) if named else _state(function, seen)
    digest = hashlib.sha256(_content(code).encode()).hexdigest()[:8]
    held = [function.__defaults__, function.__kwdefaults__, _captured(function)]
    texts = [_text(values, seen) for values in held if values]
    return f"{_name(function)}#{digest}{''.join(texts)}"


def _name(function: Any) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _state(holder: Any, seen: frozenset[int]) -> str:
    """Type, code and attributes of an object that is called, or whose method is."""
    code = getattr(vars(type(holder)).get("__call__"), "__code__", None)
    digest = "" if code is None else hashlib.sha256(_content(code).encode()).hexdigest()[:8]
    return f"{_name(type(holder))}#{digest}{_text(getattr(holder, '__dict__', {}), seen)}"


def _captured(function: Any) -> list[Any]:
    values = []
    for cell in function.__closure__ or ():
        try:
            values.append(cell.cell_contents)
        except ValueError:
            # Not bound yet: a function that is defined further down.
            values.append(None)
    return values


def _content(code: types.CodeType) -> str:
    return repr((code.co_code.hex(), code.co_names, [_constant(c) for c in code.co_consts]))


def _constant(value: Any) -> str:
    if isinstance(value, types.CodeType):
        return _content(value)
    if isinstance(value, frozenset):
        # Its order differs between processes.
        return f"{{{', '.join(sorted(map(_constant, value)))}}}"
    return f"({', '.join(map(_constant, value))})" if isinstance(value, tuple) else repr(value)


def _text(value: Any, seen: frozenset[int]) -> str:
    text = type(value).__qualname__
    if id(value) in seen:
        return "itself"
    inner = seen | {id(value)}
    if isinstance(value, _NAMESPACES) or (
        dataclasses.is_dataclass(value) and not isinstance(value, type)
    ):
        value = vars(value)
    if isinstance(value, _PLAIN):
        text = repr(value)
    elif isinstance(value, (torch.Tensor, np.ndarray)):
        text = _array(value)
    elif isinstance(value, Mapping):
        pairs = (f"{_text(k, inner)}: {_text(v, inner)}" for k, v in value.items())
        text += f"{{{', '.join(sorted(pairs))}}}"
    elif isinstance(value, (set, frozenset)):
        text += f"{{{', '.join(sorted(_text(v, inner) for v in value))}}}"
    elif isinstance(value, (tuple, list)):
        text += f"({', '.join(_text(v, inner) for v in value)})"
    elif callable(value):
        text = _identity(value, seen)
    return text


_NAMESPACES = (argparse.Namespace, types.SimpleNamespace)
_PLAIN = (bool, int, float, str, bytes, type(None), np.generic, torch.dtype)


def _array(value: torch.Tensor | np.ndarray) -> str:
    """Type, shape and a digest of the content; torch's own bytes, since numpy has no bfloat16."""
    tensor = torch.as_tensor(value).detach().cpu().contiguous().reshape(-1)
    content = tensor.view(torch.uint8).numpy().tobytes()
    return f"{value.dtype}{tuple(value.shape)}#{hashlib.sha256(content).hexdigest()[:16]}"
