"""Added files compared with their checksums."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from zc_plugins.data._folders import folders
from zc_plugins.data._index import Record, recorded
from zc_plugins.errors import InvalidArgument

GOOD = "as added"


def verify(folder: str | os.PathLike[str] | None = None) -> list[tuple[Path, str]]:
    """What has become of each file that was added.

    Args:
        folder: of the files; None means all of ``folders()``.

    Returns:
        Path and verdict: ``"as added"``, ``"missing"``, or what is wrong with it.

    Raises:
        InvalidArgument: if an index is damaged.
    """
    places = folders() if folder is None else (Path(folder),)
    return [
        (place / name, _verdict(place / name, record))
        for place in places
        for name, record in recorded(place).items()
    ]


def sha256_of(path: Path) -> str:
    """Of the content, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _verdict(path: Path, record: Record) -> str:
    try:
        size, found = path.stat().st_size, sha256_of(path)
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        raise InvalidArgument(f"{str(path)!r} cannot be read: {error.strerror}") from error
    if size != record.size:
        return f"{size} bytes, not {record.size}"
    return GOOD if found == record.sha256 else "another content of the same size"
