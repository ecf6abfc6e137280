"""``file.py:name`` and ``package.module:name`` as the object that it names."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.machinery
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from zc_plugins._scoring.parcel import send_by_value
from zc_plugins.errors import InvalidArgument


def loaded(target: str) -> Any:
    """The object, after running the file or module that holds it, and nothing else.

    Args:
        target: ``path/to/file.py:name`` or ``package.module:name``; the name may have dots.

    Raises:
        InvalidArgument: if there is none, or if the import fails, with file and line.
    """
    place, _, name = target.rpartition(":")
    if not place or not name:
        raise InvalidArgument(
            f"{target!r} names no object: pass file.py:name or package.module:name"
        )
    is_file = place.endswith(".py") or Path(place).is_file()
    if is_file and not Path(place).is_file():
        raise InvalidArgument(f"{place!r} is no file: pass the path of a Python file, then :{name}")
    folder = Path(place).resolve().parent if is_file else Path.cwd()
    before = set(sys.modules)
    try:
        with _searched(folder):
            found: Any = _file(Path(place)) if is_file else importlib.import_module(place)
    except (Exception, SystemExit) as error:
        raise InvalidArgument(f"{place!r} cannot be imported: {told(error)}") from error
    for module in sys.modules.keys() - before:
        if _is_only_in(folder, sys.modules[module]):
            send_by_value(sys.modules[module])
    for part in name.split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, dir(found), n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "check the spelling"
            raise InvalidArgument(f"{place!r} holds no {name!r}: {hint}")
        found = getattr(found, part)
    return found


def told(error: BaseException) -> str:
    """The error's type and text, and the line of the code that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


def _file(path: Path) -> ModuleType:
    # A name of its own: a file called random.py must not stand in for the library's.
    name = f"_zc_plugins_target_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise ImportError("it does not end in .py")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up while it is imported.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _is_only_in(folder: Path, module: ModuleType) -> bool:
    """Whether the module lies in the folder, and nowhere that a worker process would look."""
    file = getattr(module, "__file__", None)
    if file is None or not Path(file).resolve().is_relative_to(folder):
        return False
    return importlib.machinery.PathFinder.find_spec(module.__name__.partition(".")[0]) is None


@contextlib.contextmanager
def _searched(folder: Path) -> Iterator[None]:
    """Let imports find modules in the folder, inside only."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(folder))
