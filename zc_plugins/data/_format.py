"""What a data file holds, told by its content."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

from zc_plugins.errors import InvalidArgument

_MARK = b"PAR1"
_LEAST_PARQUET = 12
"""Bytes of the marks at both ends and of the footer's size."""


def require_format(path: Path, name: str) -> str:
    """The format that the name's ending tells, if the content is of it.

    Args:
        path: where the content lies.
        name: of the file, for its ending.

    Raises:
        InvalidArgument: if the content is of another format, or cut short.
    """
    ending = Path(name).suffix.lower().removeprefix(".")
    if not FORMATS[ending](path):
        found = next((kind for kind, holds in FORMATS.items() if holds(path)), None)
        told = f"it is {found}: pass --name with that ending" if found else "pass a whole file"
        raise InvalidArgument(f"{name!r} does not hold {ending}: {told}")
    return ending


def _is_parquet(path: Path) -> bool:
    size = path.stat().st_size
    if size < _LEAST_PARQUET:
        return False
    with path.open("rb") as file:
        head = file.read(len(_MARK))
        file.seek(-2 * len(_MARK), 2)
        footer, tail = file.read(len(_MARK)), file.read()
    return head == tail == _MARK and int.from_bytes(footer, "little") <= size - _LEAST_PARQUET


def _is_npz(path: Path) -> bool:
    """A zip file of arrays only; the arrays themselves are not read."""
    try:
        with zipfile.ZipFile(path) as file:
            names = file.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def _is_csv(path: Path) -> bool:
    """Two columns or more, as many in each row; a page of HTML is none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            head = next(rows, [])
            if len(head) < 2 or head[0].lstrip().startswith(("<", "{", "[")):
                return False
            return all(len(row) in (0, len(head)) for row in rows)
    except (UnicodeDecodeError, csv.Error):
        return False


def _is_json(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes()), (dict, list))
    except (ValueError, RecursionError):
        return False


FORMATS: dict[str, Callable[[Path], bool]] = {
    "parquet": _is_parquet,
    "npz": _is_npz,
    "csv": _is_csv,
    "json": _is_json,
}
"""Whether a file is of the format, by the ending of its name."""
