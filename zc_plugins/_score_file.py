"""The SQLite file that holds scores, opened and told from other files."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

_APPLICATION = 0x7A635F70
"""Marks the file as ours; the bytes spell zc_p."""
_LAYOUT = 1
_PATIENCE = 30.0
"""Seconds to wait for another process that writes."""


def opened(path: Path) -> sqlite3.Connection:
    """A connection to our table, made where the file is empty.

    Raises:
        sqlite3.OperationalError: if the file cannot be read or written now.
        sqlite3.DatabaseError: if it is not ours.
    """
    # mode=rw: a file that was deleted meanwhile is not made anew with other rights.
    address = f"{path.as_uri()}?mode=rw"
    connection = sqlite3.connect(
        address, uri=True, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
    )
    try:
        # One snapshot: another process may be laying the file out.
        connection.execute("BEGIN")
        ours = _is_ours(connection)
        connection.execute("COMMIT")
        if not ours:
            _with_patience(lambda: connection.execute("PRAGMA journal_mode = WAL"))
            _lay_out(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Whether the file is a cache of this layout; False if it is empty.

    Raises:
        sqlite3.DatabaseError: if it is something else.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (layout,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if (application, layout) == (_APPLICATION, _LAYOUT):
        return True
    if application or layout or tables:
        raise sqlite3.DatabaseError("a database of another program or another version")
    return False


def _lay_out(connection: sqlite3.Connection) -> None:
    """Make the table, unless another process just did."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not _is_ours(connection):
            connection.execute(
                "CREATE TABLE scores (space TEXT, architecture TEXT, settings TEXT, code TEXT, "
                "row TEXT NOT NULL, PRIMARY KEY (space, architecture, settings, code)) "
                "WITHOUT ROWID"
            )
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {_LAYOUT}")
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _with_patience(act: Callable[[], object]) -> None:
    """Act again while another process holds the file: SQLite's own waiting skips some cases."""
    last = time.monotonic() + _PATIENCE
    while True:
        try:
            act()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > last:
                raise
            time.sleep(0.01)
