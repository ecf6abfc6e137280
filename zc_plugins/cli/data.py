"""``zc-plugins data``: the user's own benchmark tables, with checksums."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from zc_plugins.cli._screen import say, show, understandable
from zc_plugins.data import FORMATS, folders, recorded
from zc_plugins.data import add as added
from zc_plugins.data import verify as verified
from zc_plugins.data.verify import GOOD

data = typer.Typer(
    help="Benchmark tables of your own, where the readers of zc_plugins.tables find them.",
    no_args_is_help=True,
)


@data.command()
def add(
    source: Annotated[str, typer.Argument(help="A path, or an address of http or https.")],
    sha256: Annotated[str | None, typer.Option(help="What the content must have.")] = None,
    name: Annotated[
        str | None, typer.Option(help="In the folder.  [default: the source's own]")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="A file of that name may go.")] = False,
) -> None:
    """Copy or download a file into the folder: whole and of its format, or not at all.

    The folder is the first one of ZC_PLUGINS_DATA, or, where that is empty, in the user's cache.
    """
    with understandable():
        record = added(source, sha256=sha256, name=name, replace=replace)
        say(f"{folders()[0] / record.name}: {record.size} bytes, sha256 {record.sha256}")


@data.command("list")
def listed(
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """List the files of the folders, those too that were put there by other means."""
    with understandable():
        found = [row for folder in folders() for row in _rows(folder)]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    say(f"folders: {', '.join(map(str, folders()))}")
    if found:
        rows = [[*row.values()] for row in found]
        show(f"{len(found)} files", list(found[0]), rows)


@data.command()
def verify() -> None:
    """Compare the files that were added with their checksums; status 1 if one differs."""
    with understandable():
        found = verified()
    if found:
        show(f"{len(found)} files", ["path", "verdict"], [[str(p), v] for p, v in found])
    bad = sum(verdict != GOOD for _, verdict in found)
    say(f"{len(found) - bad} of {len(found)} files are as they were added")
    if bad:
        raise typer.Exit(1)


def _rows(folder: Path) -> list[dict[str, object]]:
    records = recorded(folder)
    rows: list[dict[str, object]] = [
        {"folder": str(folder), **asdict(record)} for record in records.values()
    ]
    others = sorted(folder.glob("[!.]*")) if folder.is_dir() else []
    rows += [
        {
            "folder": str(folder),
            "name": path.name,
            "source": None,
            "size": path.stat().st_size,
            "sha256": None,
            "format": path.suffix.removeprefix("."),
        }
        for path in others
        if path.name not in records and path.suffix.removeprefix(".") in FORMATS
    ]
    return rows
