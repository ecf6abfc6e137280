"""A file copied or downloaded into the data folder."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Generator, Iterable
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

from zc_plugins.data._download import downloaded, split, without_secrets
from zc_plugins.data._folders import folders
from zc_plugins.data._format import FORMATS, require_format
from zc_plugins.data._index import Record, locked, partial, record
from zc_plugins.data.verify import sha256_of
from zc_plugins.errors import InvalidArgument

_CHUNK = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def add(
    source: str,
    *,
    name: str | None = None,
    sha256: str | None = None,
    replace: bool = False,
    folder: str | os.PathLike[str] | None = None,
) -> Record:
    """Copy or download a file into the data folder, checked before it gets its name there.

    What fails leaves nothing behind, and a file of that name as it was.

    Args:
        source: path, or address of http or https.
        name: in the folder; by default the source's own. Letters, digits, ``.``, ``_`` and ``-``,
            ending in ``.parquet``, ``.npz``, ``.csv`` or ``.json``.
        sha256: 64 hexadecimal digits that the content must have.
        replace: whether a file of that name with another content may go.
        folder: by default the first of ``folders()``; made where there is none.

    Returns:
        What the folder's index says of the file from now on.

    Raises:
        InvalidArgument: if the source cannot be read whole, name or checksum are wrong, the content
            is not of the format that the name tells, another file has the name, or the folder
            cannot be written.
    """
    name, wanted = _safe(name or _own_name(source)), _digest(sha256)
    place = folders()[0] if folder is None else Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
        with partial(place) as part:
            with closing(_chunks(source, checked=wanted is not None)) as chunks:
                size, found = _written(chunks, part)
            if wanted not in (None, found):
                raise InvalidArgument(
                    f"sha256={wanted!r}, but {_shown(source)!r} has {found}: pass "
                    "the right one, or do not use the file"
                )
            new = Record(name, _shown(source), size, found, require_format(part, name))
            with locked(place):
                _require_free(place / name, new, replace=replace)
                os.replace(part, place / name)
                record(place, new)
    except OSError as error:
        raise InvalidArgument(
            f"{str(error.filename or place)!r} cannot be read or written ({error.strerror}): pass "
            "another file or folder"
        ) from error
    return new


def _is_address(source: str) -> bool:
    return "://" in source


def _shown(source: str) -> str:
    return without_secrets(source) if _is_address(source) else str(Path(source).absolute())


def _own_name(source: str) -> str:
    return Path(unquote(split(source).path) if _is_address(source) else source).name


def _safe(name: str) -> str:
    if not _NAME.fullmatch(name) or Path(name).suffix.lower().removeprefix(".") not in FORMATS:
        raise InvalidArgument(
            f"name={name!r}: pass letters, digits, '.', '_' and '-', at most 128, that end in "
            f"{', '.join(f'.{ending}' for ending in FORMATS)}"
        )
    return name


def _digest(sha256: str | None) -> str | None:
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise InvalidArgument(f"sha256={sha256!r}: pass 64 hexadecimal digits")
    return None if sha256 is None else sha256.lower()


def _chunks(source: str, *, checked: bool) -> Generator[bytes]:
    if _is_address(source):
        yield from downloaded(source, checked=checked)
    elif not Path(source).is_file():
        raise InvalidArgument(f"{source!r} is no file: pass a file, or an address of http or https")
    else:
        with Path(source).open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk


def _written(chunks: Iterable[bytes], part: Path) -> tuple[int, str]:
    """Size in bytes and checksum of what was written."""
    digest, size = hashlib.sha256(), 0
    with part.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def _require_free(path: Path, new: Record, *, replace: bool) -> None:
    if replace or not path.exists():
        return
    if not path.is_file() or sha256_of(path) != new.sha256:
        raise InvalidArgument(
            f"{str(path)!r} is there already with another content: pass --name, or --replace"
        )
