"""The network of a saved folder, again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from zc_plugins._read_json import read_json
from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces._record import recorded_space
from zc_plugins.spaces.module import as_space

LAYOUT = 1
ARCHITECTURE = "architecture.json"


def load(folder: str | os.PathLike[str], space: Any = None) -> tuple[SearchSpace[Any], Any]:
    """The space and the architecture that ``save`` wrote; ``space.build(architecture)`` builds it.

    Args:
        folder: that ``save`` wrote.
        space: of the architecture, or ``build_model(trial)``, where it is not one of
            ``zc_plugins.spaces``: nothing outside of that room is ever imported.

    Raises:
        InvalidArgument: if the folder holds no architecture, or the space must be passed, or
            another one is.
    """
    path = Path(folder) / ARCHITECTURE
    try:
        content = read_json(path.read_text(encoding="utf-8"))
        if content["zc_plugins_architecture"] != LAYOUT:
            raise ValueError(f"layout {content['zc_plugins_architecture']!r}")
        text, name, record = (
            content["architecture"], content["space"]["name"], content["space"]["record"]
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidArgument(
            f"folder={str(folder)!r} holds no architecture ({type(error).__name__}: {error}): pass "
            "a folder that save wrote"
        ) from error
    if space is None and record is None:
        raise InvalidArgument(f"space=None: pass the space of this architecture, {name!r}")
    found = recorded_space(record) if space is None else as_space(space)
    try:
        return found, found.decode(text)
    except Exception as error:
        raise InvalidArgument(
            f"space={found.name!r} has no architecture {text!r} ({error}): pass {name!r}"
        ) from error
