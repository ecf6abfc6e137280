"""A PostgreSQL server of the system's binaries, for the time of a test session."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path


def binaries() -> Path | None:
    """The folder of ``initdb`` and ``postgres``; None if there is none."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((f for f in folders if (f / "initdb").exists()), None)


def unprivileged() -> list[str] | None:
    """What goes before a command that root must not run; None if nothing helps."""
    if os.geteuid() != 0:
        return []
    tool = shutil.which("setpriv")
    return (tool and [tool, "--reuid=nobody", "--regid=nogroup", "--clear-groups"]) or None


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Folder of the socket of a running server, whose user is postgres."""
    where, prefix = binaries(), unprivileged()
    assert where is not None
    assert prefix is not None
    with tempfile.TemporaryDirectory() as folder:
        if prefix:
            shutil.chown(folder, "nobody", "nogroup")
        data = f"{folder}/data"
        create = [
            where / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync",
            "--no-locale", "-E", "UTF8",
        ]  # fmt: skip
        subprocess.run([*prefix, *create], check=True, capture_output=True, cwd=folder)
        serve = [
            where / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=",
            "-c", "fsync=off", "-c", "max_connections=50",
        ]  # fmt: skip
        with subprocess.Popen(
            [*prefix, *serve], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                _wait_until_ready(where, folder)
                yield folder
            finally:
                # SIGINT is its fast shutdown: it does not wait for clients.
                process.send_signal(2)
                process.wait(timeout=30)


def _wait_until_ready(where: Path, folder: str) -> None:
    deadline = time.monotonic() + 60
    while subprocess.run([where / "pg_isready", "-q", "-h", folder], check=False).returncode:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def new_database(folder: str, name: str) -> str:
    """The URL of a fresh database, for SQLAlchemy."""
    where = binaries()
    assert where is not None
    command = [where / "createdb", "-h", folder, "-U", "postgres", name]
    subprocess.run(command, check=True, capture_output=True)
    return f"postgresql+psycopg://postgres@/{name}?host={folder}"
