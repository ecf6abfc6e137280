"""The candidates of a pool file: named networks, builders or architectures."""

from __future__ import annotations

import collections
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from zc_plugins.cli._builder_key import builder_key
from zc_plugins.cli._target import loaded, told
from zc_plugins.errors import InvalidArgument, NotAModule
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.module import ModuleSpace, Suggestions, as_space


@dataclass(frozen=True)
class Candidate:
    """What the user calls it, and what a scorer takes; without a space it is not cached."""

    name: str
    item: Any
    space: SearchSpace[Any] | None


def candidates(target: str, space: SearchSpace[Any] | None) -> list[Candidate]:
    """The pool that the target names, in its order.

    Args:
        target: of an iterable, or of a function that returns one: of networks, of functions that
            build one, of architectures where there is a space, or a dict of these by name.
        space: of the architectures.

    Raises:
        InvalidArgument: if the target is something else.
        NotAModule: if an item is neither a network nor a function.
    """
    found = loaded(target)
    if callable(found) and not isinstance(found, nn.Module):
        found = _called(found, target)
    if isinstance(found, (nn.Module, str)) or not isinstance(found, Iterable):
        raise InvalidArgument(
            f"{target!r} gives {type(found).__name__}: pass a list or dict of networks or of "
            "functions that build one, or a function that returns it"
        )
    named = isinstance(found, Mapping)
    try:
        pairs = list(found.items()) if isinstance(found, Mapping) else [("", i) for i in found]
    except Exception as error:
        raise InvalidArgument(f"{target!r} raised {told(error)}") from error
    if space is not None:
        return _architectures(pairs, space)
    return _builders(pairs, named=named)


def space_of(target: str) -> SearchSpace[Any]:
    """The space that the target is or returns, or that a builder function spans.

    Raises:
        InvalidArgument: if it is none of these.
    """
    found = loaded(target)
    if is_called(found):
        found = _called(found, target)
    if not isinstance(found, SearchSpace) and not callable(found):
        raise InvalidArgument(
            f"{target!r} gives {type(found).__name__}: pass a search space, a function that "
            "returns one, or build_model(trial)"
        )
    return as_space(found)


def _called(function: Callable[[], Any], target: str) -> Any:
    try:
        return function()
    except Exception as error:
        raise InvalidArgument(f"{target!r} raised {told(error)}") from error


def is_called(found: Any) -> bool:
    """Whether the target of a space is what returns it: a class, or a function of nothing."""
    if isinstance(found, type):
        return True
    if isinstance(found, SearchSpace) or not callable(found):
        return False
    return not any(
        p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        for p in inspect.signature(found).parameters.values()
    )


def _architectures(pairs: list[tuple[Any, Any]], space: SearchSpace[Any]) -> list[Candidate]:
    """Architectures, as values or as the text or dict that the space decodes."""
    pool = []
    for place, (name, item) in enumerate(pairs):
        try:
            given = json.dumps(item) if isinstance(item, Mapping) else item
            architecture = space.decode(given) if isinstance(given, str) else given
            pool.append(Candidate(str(name) or space.encode(architecture), architecture, space))
        except Exception as error:
            raise InvalidArgument(
                f"candidate {place} is no architecture of {space.name}: {told(error)}"
            ) from error
    return pool


def _builders(pairs: list[tuple[Any, Any]], *, named: bool) -> list[Candidate]:
    """Builders with a key as architectures of one space, so that a score cache can hold them."""
    names = [str(name) if named else _own_name(item) for name, item in pairs]
    counts = collections.Counter(names)
    by_key: dict[str, Any] = {}
    space = ModuleSpace(
        lambda trial: by_key[trial.suggest_categorical("candidate", sorted(by_key))](),
        "builders of zc-plugins rank",
    )
    pool = []
    for place, (name, (_, item)) in enumerate(zip(names, pairs, strict=True)):
        if not isinstance(item, nn.Module) and not callable(item):
            raise NotAModule(
                f"candidate {place} ({name}) is {type(item).__name__}: pass a torch.nn.Module, a "
                "function that builds one, or --space for architectures"
            )
        label = name if counts[name] == 1 else f"{name}[{place}]"
        digest = None if isinstance(item, nn.Module) and not named else builder_key(item)
        # A function of the scorer's own puts a network that is built on the device too.
        build = (lambda network=item: network) if isinstance(item, nn.Module) else item
        if digest is None:
            pool.append(Candidate(label, build, None))
        else:
            key = f"{name}@{digest}"
            by_key[key] = build
            pool.append(Candidate(label, Suggestions.of({"candidate": key}), space))
    return pool


def _own_name(item: Any) -> str:
    return str(getattr(item, "__name__", type(item).__name__))
