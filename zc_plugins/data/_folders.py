"""Where data files lie."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from zc_plugins.errors import InvalidArgument

VARIABLE = "ZC_PLUGINS_DATA"


def folders() -> tuple[Path, ...]:
    """The folders that are searched for data files, in this order; files are added to the first.

    Those of the environment variable ``ZC_PLUGINS_DATA``, separated as in ``PATH``; where it is
    empty, the one in the user's cache, as the system has it. They need not exist.
    """
    named = [part for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    return tuple(map(Path, named)) or (_cache() / "zc-plugins" / "data",)


def file_in(folder: str | os.PathLike[str] | None, name: str) -> Path:
    """Path of a data file.

    Args:
        folder: where the file lies; None looks in all of ``folders()``.
        name: of the file.

    Raises:
        InvalidArgument: if it is not there.
    """
    places = folders() if folder is None else (Path(folder),)
    for place in places:
        if (place / name).is_file():
            return place / name
    if folder is not None:
        raise InvalidArgument(f"folder={str(folder)!r} holds no {name}: pass the folder that does")
    raise InvalidArgument(
        f"folder=None: no {name} in {', '.join(map(str, places))}: pass a folder, add it with "
        f"'zc-plugins data add', or name its folder in {VARIABLE}"
    )


def _cache() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    named = os.environ.get("XDG_CACHE_HOME", "")
    # The rule of the XDG: what is not absolute does not count.
    return Path(named) if Path(named).is_absolute() else Path.home() / ".cache"
