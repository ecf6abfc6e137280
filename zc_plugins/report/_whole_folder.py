"""A folder that is complete or not there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zc_plugins.errors import InvalidArgument


def checked_folder(folder: str | os.PathLike[str], files: Collection[str]) -> Path:
    """The folder's path, if it may be written.

    Args:
        folder: one that is not there, in a folder that is; or one that holds none but ``files``,
            which is written anew.
        files: names of all files that it may hold.

    Raises:
        InvalidArgument: otherwise.
    """
    path = Path(folder).absolute()
    try:
        with suppress(FileNotFoundError, NotADirectoryError):
            os.lstat(path)
    except (OSError, ValueError) as error:
        raise InvalidArgument(
            f"folder={str(folder)!r} cannot be made ({error}): pass another name"
        ) from error
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InvalidArgument(
            f"folder={str(folder)!r} cannot be made: pass a folder in one that is there and that "
            "you may write to"
        )
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise InvalidArgument(f"folder={str(folder)!r} is a file or a link: pass another name")
    others = sorted({entry.name for entry in path.iterdir()} - set(files)) if path.exists() else []
    if others:
        raise InvalidArgument(
            f"folder={str(folder)!r} holds {others[0]!r}, which is not a file of a card: pass "
            "another folder, or move that file"
        )
    return path


@contextmanager
def whole_folder(folder: str | os.PathLike[str], files: Collection[str]) -> Iterator[Path]:
    """A folder beside to write into, which takes the place of ``folder`` when all is done.

    After an error, ``folder`` is as it was. What a kill leaves is a hidden folder beside it.

    Raises:
        InvalidArgument: if it may not be written, see ``checked_folder``.
    """
    path = checked_folder(folder, files)
    try:
        room = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        try:
            new, old = room / "new", room / "old"
            new.mkdir()
            yield new
            # Asked again: the writing took a while.
            checked_folder(folder, files)
            if path.exists():
                path.rename(old)
            new.rename(path)
        finally:
            shutil.rmtree(room, ignore_errors=True)
    except OSError as error:
        raise InvalidArgument(f"folder={str(folder)!r} cannot be written ({error})") from error
