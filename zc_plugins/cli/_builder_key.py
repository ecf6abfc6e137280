"""What tells a builder from every other one in another run, so that its score can be kept."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import sys
import sysconfig
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from zc_plugins._identity import fingerprint, identity


def builder_key(builder: Any) -> str | None:
    """Digest of a builder's code and values, and of what it calls outside installed packages.

    Args:
        builder: a function, class or callable object that builds a network; or a network, of which
            the layers, the shapes of the weights and the classes count, not the weights' values.

    Returns:
        The same in every process; None if it holds an object that nothing tells from others.
    """
    try:
        texts = "\n".join(_texts(builder, {}))
    except (_OpaqueError, RecursionError):
        return None
    return hashlib.sha256(texts.encode("utf-8", "backslashreplace")).hexdigest()[:16]


class _OpaqueError(Exception):
    """An object that nothing tells from others of its type."""


class _Line(str):
    """Text that stands for itself."""

    __slots__ = ()


_Seen = dict[int, tuple[int, Any]]


def _texts(value: Any, seen: _Seen) -> Iterator[str]:
    """One line for each thing that the value is made of, in the order in which they are met."""
    if isinstance(value, _Line):
        yield value
    elif isinstance(value, _PLAIN):
        yield fingerprint(value)
    elif id(value) in seen:
        yield f"again {seen[id(value)][0]}"
    else:
        # Held, so that no other object gets its id.
        seen[id(value)] = (len(seen), value)
        yield type(value).__qualname__
        for part in _parts(value):
            yield from _texts(part, seen)


def _parts(value: Any) -> Iterator[Any]:
    for kind, parts in _KINDS:
        if isinstance(value, kind):
            yield from parts(value)
            return
    if getattr(value, "__dict__", None) is None:
        raise _OpaqueError(type(value).__qualname__)
    yield from (type(value), dict(vars(value)))


def _of_set(values: Any) -> Iterator[Any]:
    # Their order differs between processes.
    yield _Line(sorted("\n".join(_texts(value, {})) for value in values))


def _of_mapping(mapping: Mapping[Any, Any]) -> Iterator[Any]:
    for pair in mapping.items():
        yield from pair


def _of_module(module: types.ModuleType) -> Iterator[Any]:
    yield _version(module.__name__)
    file = getattr(module, "__file__", None)
    if file and not _is_installed(file):
        yield _Line(hashlib.sha256(Path(file).read_bytes()).hexdigest())


def _of_network(network: nn.Module) -> Iterator[Any]:
    yield _Line(network)
    yield _Line([(name, tuple(p.shape), p.dtype) for name, p in network.named_parameters()])
    yield from dict.fromkeys(type(module) for module in network.modules())


def _of_function(function: types.FunctionType) -> Iterator[Any]:
    yield _version(function.__module__)
    yield _Line(function.__qualname__)
    if not _is_installed(function.__code__.co_filename):
        yield _Line(identity(function))
    yield from (function.__defaults__, function.__kwdefaults__)
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:
            yield _Line("not bound yet")
    if not _is_installed(function.__code__.co_filename):
        for name in sorted(set(_names(function.__code__)) & function.__globals__.keys()):
            yield from (_Line(name), function.__globals__[name])


def _names(code: types.CodeType) -> Iterator[str]:
    """Names that the code may look up in its module, nested functions included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _of_class(kind: type) -> Iterator[Any]:
    yield _version(kind.__module__)
    yield _Line(kind.__qualname__)
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if file is None or _is_installed(file):
        return
    yield from kind.__bases__
    for name, value in vars(kind).items():
        # Of the double underscores, methods count; the rest is Python's own bookkeeping.
        if isinstance(value, types.FunctionType) or not name.startswith(("__", "_abc_")):
            yield from (_Line(name), value)


def _version(module: str) -> _Line:
    """The module's name, with the version of the package that it belongs to."""
    package = sys.modules.get(module.split(".", maxsplit=1)[0])
    return _Line(f"{module} {getattr(package, '__version__', '')}")


@functools.cache
def _is_installed(file: str) -> bool:
    """Whether the file belongs to Python or to a package that was installed."""
    paths = sysconfig.get_paths()
    roots = (paths[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib"))
    inside = tuple(os.path.join(os.path.realpath(root), "") for root in roots)
    return file.startswith("<") or os.path.realpath(file).startswith(inside)


_PLAIN = (bool, int, float, str, bytes, type(None), np.generic, torch.dtype)
_SHOWN = (complex, os.PathLike, slice, range, type(...), torch.device, logging.Logger)
_KINDS: tuple[tuple[Any, Any], ...] = (
    (_SHOWN, lambda value: [_Line(repr(value))]),
    ((torch.Tensor, np.ndarray), lambda value: [_Line(fingerprint(value))]),
    (Mapping, _of_mapping),
    ((list, tuple), iter),
    ((set, frozenset), _of_set),
    (functools.partial, lambda value: [value.func, value.args, value.keywords]),
    (types.MethodType, lambda value: [value.__func__, value.__self__]),
    ((staticmethod, classmethod), lambda value: [value.__func__]),
    (property, lambda value: [value.fget, value.fset]),
    (types.FunctionType, _of_function),
    (types.BuiltinFunctionType, lambda value: [_Line(value.__qualname__)]),
    (types.ModuleType, _of_module),
    (type, _of_class),
    (nn.Module, _of_network),
)
