"""Regret curves of searches as one page of HTML."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from zc_plugins.errors import InvalidArgument
from zc_plugins.report._page import document, safe
from zc_plugins.report._regret_plot import regret_plot, svg
from zc_plugins.report.chart import COLOURS
from zc_plugins.report.curves import Curve, area, by_method, seconds_to_reach

FRACTIONS = (4, 10, 30)
"""The seconds to reach are told for the regret before any training divided by these."""


def curves_page(
    curves: Iterable[Curve],
    *,
    methods: Sequence[str] = (),
    provenance: Mapping[str, str] | None = None,
    title: str = "Regret of searches",
) -> str:
    """A page with a plot and a table for each problem, which refers to nothing outside.

    Args:
        curves: of any problems, methods and seeds.
        methods: those that are coloured, at most eight; the ones of the smallest area where empty.
        provenance: texts by heading, shown at the end.
        title: of the page.

    Raises:
        InvalidArgument: if there are no curves, one ends at 0 seconds, or too many methods are to
            be coloured.
        MissingExtra: if matplotlib is not installed.
    """
    problems = by_method(curves)
    if not problems:
        raise InvalidArgument("there are no curves: pass some")
    if len(methods) > len(COLOURS):
        raise InvalidArgument(f"{len(methods)} methods: pass at most {len(COLOURS)}")
    for problem, found in problems.items():
        _require_spent(problem, found)
    sections = "\n".join(_section(name, found, methods) for name, found in problems.items())
    made = "\n".join(
        f"<details><summary>{safe(name)}</summary><pre>{safe(text)}</pre></details>"
        for name, text in (provenance or {}).items()
    )
    return document(
        title,
        f"<p>{_WORDS}</p>\n{sections}\n"
        f"<h2>How it was made</h2>\n{made or '<p>Nothing was told.</p>'}",
    )


_WORDS = (
    "Regret is the distance of the best one found so far to the best of the table; lower is "
    "better. Lines are means over seeds, bands their 95 % bootstrap intervals; grey lines are the "
    "methods without a colour in the table. The area is the mean regret over the logarithm of "
    "seconds, between the first point and the end of the longest search; a search that ended "
    "earlier keeps its last regret there, as it does in the seconds to reach. These are the "
    "seconds until the mean over seeds is so low. ± is the standard error over seeds."
)


def _section(problem: str, curves: Mapping[str, Sequence[Curve]], methods: Sequence[str]) -> str:
    every = [curve for found in curves.values() for curve in found]
    start = min(float(curve.seconds[curve.seconds > 0][0]) for curve in every)
    end = max(float(curve.seconds[-1]) for curve in every)
    areas = {
        method: np.array([area(curve, start, end) for curve in found])
        for method, found in curves.items()
    }
    ranked = sorted(curves, key=lambda method: _last_if_none(float(areas[method].mean())))
    coloured = [m for m in methods if m in curves] or ranked[: len(COLOURS)]
    before = float(np.mean([curve.regret[0] for curve in every]))
    targets = [before / fraction for fraction in FRACTIONS]
    head = ["", "method", "seeds", "area", "regret at the end", "trainings", "seconds"]
    head += [f"seconds to {target:.3g}" for target in targets]
    rows = []
    for method in ranked:
        found = curves[method]
        colour = COLOURS[coloured.index(method)] if method in coloured else "#c7c7c7"
        cells = [
            str(len(found)),
            _mean(areas[method]),
            _mean(np.array([curve.regret[-1] for curve in found])),
            f"{np.mean([curve.trainings[-1] for curve in found]):.4g}",
            f"{np.mean([curve.seconds[-1] for curve in found]):.4g}",
            *(_seconds(seconds_to_reach(found, target)) for target in targets),
        ]
        numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
        swatch = f'<td><span class="swatch" style="background:{colour}"></span></td>'
        rows.append(f"<tr>{swatch}<td>{safe(method)}</td>{numbers}</tr>")
    plot = svg(regret_plot(curves, coloured), salt=problem)
    top = "".join(f"<th>{name}</th>" for name in head)
    body = "\n".join(rows)
    return (
        f"<h2>{safe(problem)}</h2>\n{plot}\n<table><thead><tr>{top}</tr></thead>\n"
        f"<tbody>{body}</tbody></table>"
    )


def _require_spent(problem: str, curves: Mapping[str, Sequence[Curve]]) -> None:
    for method, found in curves.items():
        if not all(curve.seconds[-1] > 0 and curve.trainings[-1] > 0 for curve in found):
            raise InvalidArgument(
                f"{problem}, {method}: a search spent no seconds or no training: pass its end too"
            )


def _last_if_none(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _mean(values: np.ndarray) -> str:
    if len(values) < 2:
        return f"{values.mean():.3g}"
    return f"{values.mean():.3g} ± {values.std(ddof=1) / math.sqrt(len(values)):.2g}"


def _seconds(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "-"
