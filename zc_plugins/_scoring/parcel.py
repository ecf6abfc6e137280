"""What is sent to a worker process, as bytes."""

from __future__ import annotations

import contextlib
import inspect
import io
import pickle
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from zc_plugins._optional import require
from zc_plugins.errors import MissingExtra

LARGEST = 2**26
"""Bytes of a space or builder that are still sent."""


class _Limited(io.BytesIO):
    def write(self, data: Any) -> int:
        if self.tell() + memoryview(data).nbytes > LARGEST:
            raise pickle.PicklingError("too large")
        return super().write(data)


def packed(content: Any) -> bytes | None:
    """Pickled, functions of the user's script and closures included; None if that cannot be."""
    file = _Limited()
    try:
        require("cloudpickle", extra="workers").Pickler(file).dump(content)
    except Exception:
        return None
    return file.getvalue()


def culprit(content: Any, name: str, depth: int = 5) -> str:
    """Name and type of the innermost part that pickle refuses.

    Args:
        content: which pickle refuses.
        name: what to call it.
        depth: levels of parts to look into.
    """
    for part_name, part in _parts(content) if depth else ():
        if part is not content and packed(part) is None:
            return culprit(part, f"{name}{part_name}", depth - 1)
    return f"{name}, a {type(content).__name__} (or it is larger than {LARGEST >> 20} MB)"


def _parts(content: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(content, FunctionType):
        variables = inspect.getclosurevars(content)
        used = {**variables.nonlocals, **variables.globals}
        yield from ((f" -> {name}", value) for name, value in used.items())
    elif isinstance(content, Mapping):
        yield from ((f"[{key!r}]", value) for key, value in content.items())
    elif isinstance(content, (list, tuple)):
        yield from ((f"[{place}]", value) for place, value in enumerate(content))
    else:
        attributes = getattr(content, "__dict__", {})
        yield from ((f".{name}", value) for name, value in attributes.items())


def send_by_value(module: ModuleType) -> None:
    """Send the module's functions and classes as code: a fresh process would not find it."""
    with contextlib.suppress(MissingExtra):
        require("cloudpickle", extra="workers").register_pickle_by_value(module)
