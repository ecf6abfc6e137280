"""A space of this package as JSON holds it."""

from __future__ import annotations

import importlib
import inspect
import json
from typing import Any

from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces._space import SearchSpace

_ROOM = "zc_plugins.spaces."


def space_record(space: SearchSpace[Any]) -> dict[str, Any] | None:
    """What makes the space again: its class in this room, and the arguments.

    An argument is the space's attribute of that name; where they differ, the space has a property
    ``arguments``.

    Returns:
        None for a space that these do not make again: of another package, or of a function.
    """
    kind = type(space)
    try:
        given = getattr(space, "arguments", None)
        if given is None:
            given = {name: getattr(space, name) for name in inspect.signature(kind).parameters}
        written = json.dumps(
            {"class": f"{kind.__module__}.{kind.__qualname__}", "arguments": given}
        )
        record: dict[str, Any] = json.loads(written)
        return record if recorded_space(record).name == space.name else None
    except (AttributeError, TypeError, ValueError):
        return None


def recorded_space(record: Any) -> SearchSpace[Any]:
    """The space of such a record. Only classes of this room are looked up: a file runs no code.

    Raises:
        InvalidArgument: if it is none.
    """
    try:
        module, _, name = str(record["class"]).rpartition(".")
        file = module.removeprefix(_ROOM)
        if not module.startswith(_ROOM) or not file.isidentifier() or file.startswith("_"):
            raise ImportError("no space of zc_plugins")
        kind = getattr(importlib.import_module(module), name)
        if not isinstance(kind, type) or kind.__module__ != module:
            raise ImportError("no class of that file")
        space = kind(**record["arguments"])
        if not isinstance(space, SearchSpace):
            raise ImportError("no search space")
        return space
    except InvalidArgument:
        raise
    except (
        ImportError,
        AttributeError,
        TypeError,
        LookupError,
        ValueError,
        OverflowError,
    ) as error:
        raise InvalidArgument(
            f"space={record!r} cannot be made ({error}): pass the space"
        ) from error
