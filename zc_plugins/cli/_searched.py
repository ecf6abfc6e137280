"""What a search is told to search: space, start, evolution."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zc_plugins.cli._pool import is_called, space_of
from zc_plugins.cli._target import loaded
from zc_plugins.errors import InvalidArgument, UnknownName
from zc_plugins.search import AzEvolution, FrontEvolution, RandomSearch, ZenEvolution
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.spaces.stages import PRESETS, Stages

SPACES = ("stages", "nasbench201")
EVOLUTIONS: dict[str, Callable[..., Any]] = {
    "zen": ZenEvolution,
    "az": AzEvolution,
    "front": FrontEvolution,
    "random": RandomSearch,
}
_SMALL = 64
"""Pixels, up to which an image is small."""


def named_space(
    target: str, classes: int | None, start: str | None, shape: tuple[int, ...]
) -> SearchSpace[Any]:
    """The space of that name or target.

    A ``Stages`` begins at the start; without one at the preset for the size of the images.

    Raises:
        InvalidArgument: if there is none, or it takes no number of classes.
    """
    if target == "stages":
        small = max(shape[1:], default=0) <= _SMALL
        initial = start or ("small_images" if small else "imagenet")
        try:
            return Stages(initial, classes=classes or 10)
        except InvalidArgument as error:
            raise InvalidArgument(
                f"--start {start!r}: pass one of {', '.join(PRESETS)}, or a structure ({error})"
            ) from error
    if target == "nasbench201":
        return NasBench201(classes=classes or 10)
    if ":" not in target:
        raise UnknownName("space", target, SPACES)
    if classes is not None:
        raise InvalidArgument(
            f"--classes {classes} does not reach {target!r}: set the outputs there, and leave it "
            "out here"
        )
    return space_of(target)


def evolution(
    text: str | None, space: SearchSpace[Any], start: str | None, limited: tuple[str, ...]
) -> Any:
    """The evolution of that name, e.g. ``"front:latency"``; None where the scorer decides.

    Args:
        text: a key of ``EVOLUTIONS``, for a front with the cost behind a colon.
        space: decodes the start.
        start: text of the architecture to begin with; a ``Stages`` has it already.
        limited: costs that have a limit.

    Raises:
        InvalidArgument: if there is none of that name, it takes no start, or a front's cost has no
            limit.
    """
    origin = {} if start is None or isinstance(space, Stages) else {"start": _decoded(space, start)}
    if text is None and not origin:
        return None
    name, _, cost = (text or "zen").partition(":")
    if name not in EVOLUTIONS:
        raise UnknownName("evolution", name, EVOLUTIONS)
    if (name == "front") != bool(cost) or (cost and cost not in limited):
        raise InvalidArgument(
            f"--evolution {text!r}: pass zen, az or random, or front: with a cost that has a "
            f"limit ({', '.join(limited) or 'none has'}), e.g. front:latency with --latency-ms"
        )
    if name == "random" and origin:
        raise InvalidArgument("--start with --evolution random: leave one of them out")
    return EVOLUTIONS[name](**origin, **({"cost": cost} if cost else {}))


def source(target: str, folder: Path) -> str:
    """Python lines that make the space again, for a program that runs in the folder."""
    place, _, name = target.rpartition(":")
    is_file = Path(place).is_file()
    around = os.path.relpath(Path(place).resolve().parent if is_file else Path.cwd(), folder)
    module = Path(place).stem if is_file else place
    called = "()" if is_called(loaded(target)) else ""
    return (
        f"import importlib\nimport sys\n\nsys.path.insert(0, {around!r})\n"
        f"space = importlib.import_module({module!r}).{name}{called}"
    )


def _decoded(space: SearchSpace[Any], start: str) -> Any:
    try:
        return space.decode(start)
    except Exception as error:
        raise InvalidArgument(
            f"--start {start!r} is no architecture of {space.name} ({error}): pass what its encode "
            "gives"
        ) from error
