"""The run-time checker behind jaxtyping's shapes: an int passes where a float is wanted."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from types import FunctionType
from typing import Any, get_args, get_type_hints

import jaxtyping
from beartype import BeartypeConf, beartype
from beartype._check.code import codemain

# It looks at one random item of each container, and we promise to leave the global state alone.
codemain.getrandbits = random.Random(0).getrandbits
# A TypeError, as jaxtyping's own error is.
checked = beartype(conf=BeartypeConf(is_pep484_tower=True, violation_type=TypeError))

_with_shapes = jaxtyping.jaxtyped


def _has_shapes(hint: Any) -> bool:
    if isinstance(hint, type) and issubclass(hint, jaxtyping.AbstractArray):
        return True
    return any(map(_has_shapes, hint if isinstance(hint, list) else get_args(hint)))


def _of_plain_types(item: Any) -> bool:
    """Whether it is a function whose annotations can be read now and name no shapes."""
    if not isinstance(item, FunctionType) or inspect.isgeneratorfunction(item):
        return False
    try:
        hints = get_type_hints(item, include_extras=True)
    except Exception:
        return False
    return not any(map(_has_shapes, hints.values()))


def _jaxtyped(*, typechecker: Any) -> Callable[[Any], Any]:
    """jaxtyping's import hook asks for this.

    For shapes, jaxtyping binds the arguments and checks them twice, at every call. Where there are
    none the checker does it all, in a fraction of the time.
    """
    return lambda item: (
        checked(item) if _of_plain_types(item) else _with_shapes(item, typechecker=typechecker)
    )


jaxtyping.jaxtyped = _jaxtyped
