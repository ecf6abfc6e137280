"""What was added to a folder, from where, and with which checksum."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from zc_plugins._read_json import read_json
from zc_plugins.errors import InvalidArgument

INDEX = ".zc_plugins_index.json"
_LOCK = ".zc_plugins_index.lock"


@dataclass(frozen=True)
class Record:
    """One file that was added.

    Attributes:
        name: in the folder.
        source: path or address, without what may be secret in it.
        size: bytes.
        sha256: 64 hexadecimal digits.
        format: ``"parquet"``, ``"npz"``, ``"csv"`` or ``"json"``.
    """

    name: str
    source: str
    size: int
    sha256: str
    format: str


def recorded(folder: Path) -> dict[str, Record]:
    """The records of a folder by name, sorted; empty where nothing was added.

    Raises:
        InvalidArgument: if the index is damaged or cannot be read.
    """
    try:
        content = read_json((folder / INDEX).read_bytes())
        records = [Record(**{f.name: entry[f.name] for f in fields(Record)}) for entry in content]
        for made in records:
            # A file outside of the folder is none that was added.
            plain = not {"/", "\\", "\0"} & set(made.name) and made.name not in ("", ".", "..")
            if type(made.size) is not int or not plain:
                raise ValueError(f"{made.name!r} is no file of this folder")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InvalidArgument(
            f"{str(folder / INDEX)!r} cannot be read ({error}): move it away and add the files anew"
        ) from error
    return {record.name: record for record in sorted(records, key=lambda record: record.name)}


def record(folder: Path, new: Record) -> None:
    """Put a record into the folder's index, in place of one of that name; call it when locked.

    Raises:
        InvalidArgument: if the index is damaged.
        OSError: if it cannot be written.
    """
    records = {**recorded(folder), new.name: new}
    with partial(folder) as part:
        part.write_text(json.dumps([asdict(r) for r in records.values()], indent=2) + "\n")
        os.replace(part, folder / INDEX)


@contextmanager
def partial(folder: Path) -> Iterator[Path]:
    """An empty file in the folder under a name of its own; gone afterwards if it is still there.

    Raises:
        OSError: if it cannot be made.
    """
    part = folder / f".{secrets.token_hex(8)}.part"
    # Not mkstemp's rights: a shared folder is read by others.
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes that add to the folder waiting; on Windows they are not kept."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with (folder / _LOCK).open("a") as file:
        # Given up with the file, also when the process is killed.
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
