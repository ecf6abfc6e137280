"""``zc-plugins report``: a study, or regret curves of searches, as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zc_plugins._printable import printable
from zc_plugins.cli._files import checked_place
from zc_plugins.cli._options import sizes
from zc_plugins.cli._pool import space_of
from zc_plugins.cli._recipes import RECIPES, scorer_of
from zc_plugins.cli._screen import output_of_others_aside, say, understandable
from zc_plugins.errors import InvalidArgument
from zc_plugins.report.curves import COLUMNS, Curve, read_curves
from zc_plugins.report.curves_page import curves_page


def report(
    results: Annotated[
        str,
        typer.Argument(
            help="A study: sqlite:///study.db or another URL of Optuna's, grpc://host:port, "
            "or the file of a journal. Or curves: a CSV file (.gz too), or a "
            f"folder of such, of {', '.join(COLUMNS)}."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Write the page here.")],
    study: Annotated[
        str | None, typer.Option(help="Name of the study, where the storage has several.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help=f"That scored the study, one of {', '.join(RECIPES)}; by default told from it."
        ),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(
            help="models.py:build_model, to show the best networks' layers; with a recipe."
        ),
    ] = None,
    input_shape: Annotated[
        str, typer.Option("--input-shape", help="Sizes of one sample, with --space: 3,32,32.")
    ] = "",
    problem: Annotated[
        list[str] | None, typer.Option(help="Of curves, only this one; may be repeated.")
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(help="Of curves, colour this one, not the best eight; may be repeated."),
    ] = None,
) -> None:
    """Write a study, or the curves of many searches, as one page of HTML that needs no network.

    Of a study: were its scores right, in words and plots; best trials; what was pruned and why. Of
    curves: a JSON file of the same name is shown as what tells how they were made.
    """
    # Optuna is slow to import, and other commands do without it.
    from zc_plugins.optuna.stored_study import is_stored_study

    with understandable():
        checked_place(out)
        if is_stored_study(results):
            if problem or method:
                raise InvalidArgument("--problem and --method are for curves: leave them out")
            page, told = _of_a_study(results, study, recipe, space, input_shape)
        else:
            if study or recipe or space or input_shape:
                raise InvalidArgument(
                    f"{results!r} is no storage of a study: pass one, or leave out --study, "
                    "--recipe, --space and --input-shape"
                )
            page, told = _of_curves(Path(results), problem or [], method or [])
        try:
            out.write_text(page, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise InvalidArgument(f"{str(out)!r} cannot be written: {error.strerror}") from error
        say(f"{told}: {out}")


def _of_a_study(
    place: str, name: str | None, recipe: str | None, space: str | None, input_shape: str
) -> tuple[str, str]:
    """The page, and what it is of."""
    from zc_plugins.optuna.stored_study import stored_study
    from zc_plugins.optuna.study_page import study_page

    if space is not None and (recipe is None or not input_shape):
        raise InvalidArgument(f"--space {space}: pass --recipe and --input-shape too")
    shape = sizes(input_shape) if input_shape else ()
    scorer = None if recipe is None else scorer_of(recipe, shape, seed=0, device="auto")
    with output_of_others_aside(), stored_study(place, name) as study:
        page = study_page(study, scorer, None if space is None else space_of(space))
        return page, f"study {study.study_name!r}, {len(study.trials)} trials"


def _of_curves(results: Path, problems: list[str], methods: list[str]) -> tuple[str, str]:
    curves = _wanted(read_curves(results), problems, methods)
    page = curves_page(curves, methods=methods, provenance=_provenance(results, curves))
    return page, f"{len(curves)} curves of {len({c.problem for c in curves})} problems"


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
