"""Regret curves as a picture that a page can hold."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zc_plugins._optional import require
from zc_plugins._shapes import ndarray
from zc_plugins.report.chart import COLOURS
from zc_plugins.report.curves import Curve, band, regrets

_PLACES = 160
_DECADES = 1e4


def regret_plot(curves: Mapping[str, Sequence[Curve]], coloured: Sequence[str]) -> Any:
    """Mean regret over seconds and over trainings, with 95 % bootstrap bands over the seeds.

    A method is drawn as far as all of its seeds went.

    Args:
        curves: of one problem, by method.
        coloured: methods in the order of ``COLOURS``; they have bands, the others are grey lines.

    Returns:
        A ``matplotlib.figure.Figure``, without names of methods.

    Raises:
        MissingExtra: if matplotlib is not installed.
    """
    figure = require("matplotlib.figure", extra="report").Figure((11, 4), layout="constrained")
    for axes, axis in zip(
        figure.subplots(1, 2, sharey=True), ("seconds", "trainings"), strict=True
    ):
        for method in [*(set(curves) - set(coloured)), *coloured]:
            colour = COLOURS[coloured.index(method)] if method in coloured else ""
            _draw(axes, curves[method], axis, colour)
        axes.set_xscale("log")
        axes.set_yscale("log", nonpositive="clip")
        axes.set_xlabel(axis)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.92")
        axes.set_axisbelow(True)
    figure.axes[0].set_ylabel("mean regret")
    low, high = figure.axes[0].get_ylim()
    figure.axes[0].set_ylim(max(low, high / _DECADES), high)
    return figure


def svg(figure: Any, salt: str) -> str:
    """The figure as an element of HTML that refers to nothing outside.

    Args:
        figure: of matplotlib.
        salt: makes the names inside differ from those of other figures of the page.
    """
    matplotlib = require("matplotlib", extra="report")
    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": salt, "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    drawing = text.getvalue()
    # What a page does not need: the XML prolog, namespaces, and who made it.
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing[drawing.index("<svg") :], flags=re.S)
    drawing = re.sub(r' xmlns(:\w+)?="[^"]*"', "", drawing)
    # A tenth of a point is finer than the eye, and half the page.
    return re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d)\d+", r"\1", path[0]), drawing)


def _draw(axes: Any, curves: Sequence[Curve], axis: str, colour: str) -> None:
    places = _places(curves, axis)
    mean, low, high = band(regrets(curves, places, axis))
    # A logarithmic axis has no place for what is solved.
    shown = mean > 0
    if colour:
        axes.step(places[shown], mean[shown], where="post", color=colour, linewidth=1.6)
        axes.fill_between(
            places[shown],
            low[shown],
            high[shown],
            step="post",
            color=colour,
            alpha=0.15,
            linewidth=0,
        )
    else:
        axes.step(places[shown], mean[shown], where="post", color="0.78", linewidth=0.8, zorder=1)


def _places(curves: Sequence[Curve], axis: str) -> ndarray:
    ends = [getattr(curve, axis) for curve in curves]
    start = min(float(end[end > 0][0]) for end in ends)
    return np.geomspace(start, max(start, min(float(end[-1]) for end in ends)), _PLACES)
