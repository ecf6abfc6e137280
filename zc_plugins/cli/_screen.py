"""What the commands print: names made safe, numbers made short, errors in one line."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from zc_plugins._printable import printable
from zc_plugins.errors import ZeroCostError


def say(text: str) -> None:
    """Print a remark to standard error, so that standard output stays the result."""
    Console(stderr=True).print(Text(printable(text)), soft_wrap=True)


def short(value: object) -> str:
    """A cell's text: six significant digits; nothing where there is no number."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else printable(str(value))


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; numbers stand to the right."""
    table = Table(title=Text(printable(title)), title_justify="left")
    for place, name in enumerate(head):
        numeric = any(isinstance(row[place], (int, float)) for row in rows)
        table.add_column(
            Text(printable(name)), justify="right" if numeric else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(short(value)) for value in row))
    # A file or a pipe has no width: nothing is folded or cut.
    Console(width=None if Console().is_terminal else 10_000).print(table)


@contextmanager
def understandable() -> Iterator[None]:
    """End the command with one line and status 1 at an error of ours, with 130 at Ctrl-C."""
    try:
        yield
    except ZeroCostError as error:
        say(f"error: {error}")
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@contextmanager
def output_of_others_aside() -> Iterator[None]:
    """Send what the user's code prints to standard error."""
    with redirect_stdout(sys.stderr):
        yield
