"""Scores on disk: what was scored once is not scored again, in whichever process."""

from __future__ import annotations

import functools
import hashlib
import os
import sqlite3
import stat
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch

from zc_plugins._score_file import opened
from zc_plugins._score_text import decoded, encoded, settled
from zc_plugins.errors import InvalidArgument
from zc_plugins.proxies._proxy import ScoreRow

Answer = TypeVar("Answer")

_READERS_OF_SCORES = (
    "_score_attributes.py", "cache.py", "cli", "data", "ensembles", "executors", "nni", "optuna",
    "ranking.py", "recipes.py", "reference.py", "report", "scores.py", "search", "tables",
    "testing",
)  # fmt: skip
"""Rooms that no network's score depends on; a new room counts until it is named here."""

_KEY = "space = ? AND architecture = ? AND settings = ? AND code = ?"


class ScoreCache:
    """Scores of architectures in one SQLite file, which threads and processes may share.

    A row is found again for the same architecture of the same space under the same settings of the
    scorer, the same version of this package's code and the same torch. What a builder of your own
    calls is not looked into: after an edit there, ``clear()``. A row that was damaged is not
    believed: its architecture is scored anew. If the file cannot be read or written any more
    (read-only, disk full), one warning tells so and scoring goes on without it. Use a local disk:
    SQLite's write-ahead log does not work over a network.

    Args:
        path: of the file; made, readable by its owner only, where there is none.

    Raises:
        InvalidArgument: if the file is damaged or something else, or if none can be made there. It
            is never deleted.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> with ScoreCache(f"{folder.name}/scores.sqlite3") as cache:
        ...     len(cache)
        0
        >>> folder.cleanup()
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        # A worker may have another working directory.
        self.path = Path(path).absolute()
        self._reads = self._writes = True
        self._lines: dict[int, _Line] = {}
        self._make_file()
        try:
            self._line()
        except sqlite3.OperationalError as error:
            self._reads = self._writes = False
            self._warn(error)
        except sqlite3.DatabaseError as error:
            raise InvalidArgument(
                f"cache={str(self.path)!r} is no score cache, or damaged ({error}): pass another "
                "path, or move the file away"
            ) from error

    def get(self, space: str, architecture: str, settings: str) -> ScoreRow | None:
        """The architecture's row, or None if it is not known.

        Args:
            space: name of the space.
            architecture: its canonical text.
            settings: of the scorer.
        """
        if not self._reads:
            return None
        key = (space, architecture, settings, code_version())
        try:
            with self._line() as connection:
                # As bytes: a flipped bit may leave no text.
                found = connection.execute(
                    f"SELECT CAST(row AS BLOB) FROM scores WHERE {_KEY}", key
                )
                content = found.fetchone()
        except (sqlite3.Error, UnicodeError) as error:
            self._reads = self._writes = self._warn(error)
            return None
        row = None if content is None else decoded(content[0], key)
        if content is not None and row is None:
            self._drop(key, content[0])
        return row

    def put(self, space: str, architecture: str, settings: str, row: ScoreRow) -> None:
        """Keep a row, unless it failed for a reason that may pass, such as a lack of memory.

        A row that is there already stays.
        """
        if not self._writes or not settled(row):
            return
        key = (space, architecture, settings, code_version())
        try:
            with self._line() as connection:
                connection.execute(
                    "INSERT OR IGNORE INTO scores VALUES (?, ?, ?, ?, ?)",
                    (*key, encoded(row, key)),
                )
        except (sqlite3.Error, UnicodeError) as error:
            self._writes = self._warn(error)

    def clear(self) -> None:
        """Forget all rows, also those of other settings; the file stays.

        Raises:
            InvalidArgument: if the file cannot be written.
        """
        self._asked(lambda connection: connection.execute("DELETE FROM scores"))

    def __len__(self) -> int:
        """Rows in the file, also those of other settings and versions.

        Raises:
            InvalidArgument: if the file cannot be read.
        """
        count = "SELECT count(*) FROM scores"
        return int(self._asked(lambda connection: connection.execute(count).fetchone()[0]))

    def __bool__(self) -> bool:
        """True, also while it is empty."""
        return True

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        # A connection that a fork brought along belongs to the parent.
        line = self._lines.pop(os.getpid(), None)
        if line is not None:
            with line as connection:
                connection.close()

    def __enter__(self) -> ScoreCache:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __del__(self) -> None:
        if "_lines" in vars(self):
            self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _reads=True, _writes=True, _lines={})

    def _drop(self, key: tuple[str, ...], content: object) -> None:
        """Take a damaged row out, so that the next ``put`` is not ignored."""
        if not self._writes:
            return
        try:
            # Not a sound one that another process has put in its place meanwhile.
            with self._line() as connection:
                connection.execute(
                    f"DELETE FROM scores WHERE {_KEY} AND CAST(row AS BLOB) IS ?", (*key, content)
                )
        except (sqlite3.Error, UnicodeError) as error:
            self._writes = self._warn(error)

    def _make_file(self) -> None:
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            if not self.path.is_file():
                raise InvalidArgument(
                    f"cache={str(self.path)!r} is a folder or device: pass the path of a file"
                ) from None
            self._warn_of_strangers()
        except (OSError, ValueError) as error:
            told = getattr(error, "strerror", error)
            raise InvalidArgument(
                f"cache={str(self.path)!r} cannot be made ({told}): pass a path in a folder that "
                "exists and that you may write to"
            ) from error

    def _warn_of_strangers(self) -> None:
        # On Windows the mode does not tell.
        if os.name == "posix" and self.path.stat().st_mode & stat.S_IWOTH:
            warnings.warn(
                f"cache={str(self.path)!r} may be written by every user of this machine, who can "
                "alter the scores in it: chmod o-w",
                RuntimeWarning,
                stacklevel=4,
            )

    def _line(self) -> _Line:
        """This process's line to the file."""
        process = os.getpid()
        if process not in self._lines:
            fresh = _Line(opened(self.path))
            if self._lines.setdefault(process, fresh) is not fresh:
                fresh.connection.close()
        return self._lines[process]

    def _asked(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        try:
            with self._line() as connection:
                return question(connection)
        except sqlite3.Error as error:
            raise InvalidArgument(
                f"cache={str(self.path)!r} cannot be used ({error}): pass another path"
            ) from error

    def _warn(self, error: Exception) -> bool:
        """Warn, at the first time; False, for the flag that the caller takes down."""
        if "_warned" not in vars(self):
            self._warned = True
            warnings.warn(
                f"cache={str(self.path)!r} cannot be used ({error}): scoring goes on without it",
                RuntimeWarning,
                stacklevel=3,
            )
        return False


class _Line:
    """A connection that one thread has at a time; Python's module keeps no such order itself."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection, self._turn = connection, threading.RLock()

    def __enter__(self) -> sqlite3.Connection:
        self._turn.acquire()
        return self.connection

    def __exit__(self, *error: object) -> None:
        self._turn.release()


@functools.cache
def code_version() -> str:
    """Digest of the source files that scores depend on, and of torch's version; once a process."""
    root = Path(__file__).parent
    digest = hashlib.sha256(torch.__version__.encode())
    for file in sorted(root.rglob("*.py")):
        name = file.relative_to(root)
        if name.parts[0] not in _READERS_OF_SCORES:
            digest.update(f"\0{name.as_posix()}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]
