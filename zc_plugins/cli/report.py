"""``zc-plugins report``: regret curves as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zc_plugins._printable import printable
from zc_plugins.cli._files import checked_place
from zc_plugins.cli._screen import say, understandable
from zc_plugins.errors import InvalidArgument
from zc_plugins.report.curves import COLUMNS, Curve, read_curves
from zc_plugins.report.curves_page import curves_page


def report(
    results: Annotated[
        Path,
        typer.Argument(help=f"CSV file (.gz too), or a folder of such, of {', '.join(COLUMNS)}."),
    ],
    out: Annotated[Path, typer.Option(help="Write the page here.")],
    problem: Annotated[
        list[str] | None, typer.Option(help="Only this one; may be repeated.")
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(help="Colour this one in place of the best eight; may be repeated."),
    ] = None,
) -> None:
    """Write the curves of many searches as one page of HTML that needs no network.

    A JSON file of the same name as a file of curves is shown as what tells how it was made.
    """
    with understandable():
        checked_place(out)
        curves = _wanted(read_curves(results), problem or [], method or [])
        page = curves_page(curves, methods=method or [], provenance=_provenance(results, curves))
        try:
            out.write_text(page, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise InvalidArgument(f"{str(out)!r} cannot be written: {error.strerror}") from error
        say(f"{len(curves)} curves of {len({c.problem for c in curves})} problems: {out}")


def _wanted(curves: list[Curve], problems: list[str], methods: list[str]) -> list[Curve]:
    for wanted, known in (
        (problems, {curve.problem for curve in curves}),
        (methods, {curve.method for curve in curves}),
    ):
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise InvalidArgument(f"{unknown[0]!r} is none of {sorted(known)}: pass one of them")
    return [curve for curve in curves if not problems or curve.problem in problems]


def _provenance(results: Path, curves: list[Curve]) -> dict[str, str]:
    """The JSON files beside the files of curves, by name."""
    files = sorted(results.glob("*.json")) if results.is_dir() else [_beside(results)]
    shown = {curve.problem for curve in curves}
    return {
        file.stem: printable(file.read_text(encoding="utf-8", errors="replace"))
        for file in files
        if file.is_file() and (not results.is_dir() or file.stem in shown)
    }


def _beside(file: Path) -> Path:
    return file.with_name(file.name.removesuffix(".gz").removesuffix(".csv") + ".json")
