"""What a search has scored, line by line in a file, so that nothing is lost when it is killed."""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zc_plugins._read_json import read_json
from zc_plugins.errors import InvalidArgument
from zc_plugins.search.individual import Individual
from zc_plugins.spaces import SearchSpace

_LAYOUT = 1


class Journal:
    """A file of JSON lines: the search's settings, then the individuals of each batch.

    A batch is one line, written and flushed at once: it survives a kill, not a power cut. A line
    that a kill has torn is cut off when the file is opened again, and its batch is scored anew. One
    process at a time may hold the file.

    Args:
        path: made where it is not; None keeps nothing.
        settings: all that the course of the search depends on, as JSON holds it.
        space: decodes architectures.

    Attributes:
        seconds: wall time that the search had taken when the last batch was written.
        proposals: that it had made by then.

    Raises:
        InvalidArgument: if the file is another search's, damaged, in use, or cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        settings: Mapping[str, Any],
        space: SearchSpace[Any],
    ) -> None:
        self._space, self._path = space, "" if path is None else path
        self._proxies = len(settings.get("proxies", ()))
        self._lines: list[dict[str, Any]] = []
        self._file: io.BufferedIOBase = io.BytesIO()
        if path is None:
            return
        try:
            self._file = _held(Path(path))
            self._take_up(path, {"zc_plugins_search": _LAYOUT, **settings})
        except InvalidArgument:
            self._file.close()
            raise
        except (OSError, ValueError) as error:
            raise self._refused(error) from error

    @property
    def seconds(self) -> float:
        return float(self._lines[-1].get("seconds", 0.0)) if self._lines else 0.0

    @property
    def proposals(self) -> int:
        return int(self._lines[-1].get("proposals", 0)) if self._lines else 0

    def batches(self) -> Iterator[list[Individual]]:
        """What was scored before.

        Raises:
            InvalidArgument: if a line does not hold that.
        """
        for number, line in enumerate(self._lines[1:], 2):
            try:
                _require_numbers([line.get("seconds", 0.0), line.get("proposals", 0)])
                batch = [self._individual(record) for record in line["scored"]]
            except Exception as error:
                # Also what the space's decode raises.
                raise _damaged(self._path, number) from error
            yield batch

    def keep(self, batch: Sequence[Individual], seconds: float, proposals: int) -> None:
        """Write a batch, the wall time that the search has taken, and the proposals it has made."""
        scored = [_record(member) for member in batch]
        self._write({"seconds": seconds, "proposals": proposals, "scored": scored})

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        try:
            self._file.write(json.dumps(line).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> InvalidArgument:
        """Close the file; what is still to be written would be refused again."""
        getattr(self._file, "raw", self._file).close()
        told = getattr(error, "strerror", error)
        return InvalidArgument(
            f"journal={str(self._path)!r} cannot be used ({told}): pass a file that no other "
            "search holds, in a folder that exists and that you may write to; what was written to "
            "it is gone on with"
        )

    def _take_up(self, path: str | os.PathLike[str], header: Mapping[str, Any]) -> None:
        """Read the whole lines and cut off what follows them; begin an empty file.

        Raises:
            InvalidArgument: if the file is not of this search, or damaged.
        """
        end = 0
        for number, text in enumerate(self._file, 1):
            if not text.endswith(b"\n"):
                break
            line = _parsed(text)
            if line is None:
                raise _no_journal(path) if number == 1 else _damaged(path, number)
            if not self._lines:
                _refuse_other(path, line, header)
            self._lines.append(line)
            end += len(text)
        if not self._lines:
            self._file.seek(0)
            if not json.dumps(header).encode().startswith(self._file.read()):
                raise _no_journal(path)
        self._file.seek(end)
        self._file.truncate()
        if not self._lines:
            self._write(header)

    def _individual(self, record: Mapping[str, Any]) -> Individual:
        """The individual of a record.

        Raises:
            Exception: if the record is none.
        """
        scores = tuple(math.nan if score is None else score for score in record["scores"])
        _require_numbers([record["step"], record["seconds"], *scores, *record["costs"].values()])
        texts = [record["text"], *record["notes"].values()]
        if len(scores) != self._proxies or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"no record of {self._proxies} scores")
        architecture = self._space.decode(record["text"])
        return Individual(**{**record, "architecture": architecture, "scores": scores})


def _require_numbers(values: Sequence[Any]) -> None:
    if not all(type(value) in (int, float) for value in values):
        raise ValueError("no numbers")


def _record(individual: Individual) -> dict[str, Any]:
    """An individual as JSON holds it, but for its architecture, which its text tells."""
    record = {name: v for name, v in vars(individual).items() if name != "architecture"}
    scores = [None if math.isnan(score) else score for score in individual.scores]
    return {**record, "scores": scores, "notes": dict(individual.notes)}


def _held(path: Path) -> io.BufferedIOBase:
    """The file, opened for this process alone.

    Raises:
        OSError: if it cannot be opened, or another process holds it.
    """
    file = os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR, 0o600), "r+b")
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        # Windows: nobody else is kept off.
        pass
    except OSError:
        file.close()
        raise
    return file


def _parsed(text: bytes) -> dict[str, Any] | None:
    """The line's content; None where it is no JSON object."""
    try:
        line = read_json(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None


def _refuse_other(
    path: str | os.PathLike[str], found: Mapping[str, Any], header: Mapping[str, Any]
) -> None:
    if "zc_plugins_search" not in found:
        raise _no_journal(path)
    other = [name for name in header if found.get(name) != header[name]]
    if other:
        there = ", ".join(f"{name}={found.get(name)!r}" for name in other)
        here = ", ".join(f"{name}={header[name]!r}" for name in other)
        raise InvalidArgument(
            f"journal={str(path)!r} is of a search with {there}; this one has {here}: pass the "
            "same arguments to go on with it, or another file to begin anew"
        )


def _damaged(path: str | os.PathLike[str], number: int) -> InvalidArgument:
    # A kill tears the last line only; what follows this one must not be lost.
    return InvalidArgument(
        f"journal={str(path)!r} is damaged in line {number}: take the line and all that follow "
        "out to go on from there, or pass another file"
    )


def _no_journal(path: str | os.PathLike[str]) -> InvalidArgument:
    return InvalidArgument(f"journal={str(path)!r} is no journal of a search: pass another file")
