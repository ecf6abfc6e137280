"""A chart drawn by plotly."""

from __future__ import annotations

import html
from typing import Any

import numpy as np

from zc_plugins._optional import require
from zc_plugins._printable import printable
from zc_plugins.report.chart import Chart, Panel, Series

_HIGH, _TOP, _BOTTOM = 270, 125, 55  # pixels of a row of panels, above and below all of them
_LEGEND = {
    "groupclick": "togglegroup",
    "traceorder": "reversed",  # what lies on top first
    "orientation": "h",
    "yanchor": "bottom",
}
_FEW = 8  # steps that each have a tick; of more, plotly takes every other one or fewer


def in_plotly(chart: Chart) -> Any:
    """The chart as a figure that a notebook, a page or optuna-dashboard shows.

    Names are texts: what looks like HTML in them is shown as it is written.

    Returns:
        A ``plotly.graph_objects.Figure``.

    Raises:
        MissingExtra: if plotly is not installed.
    """
    objects = require("plotly.graph_objects", extra="report")
    title = {"text": _safe(chart.title), "y": 1, "yanchor": "top", "pad": {"t": 18}}
    layout = {"title": title, "template": "plotly_white"}
    if not chart.panels:
        return objects.Figure(layout=layout)
    figure = require("plotly.subplots", extra="report").make_subplots(
        rows=chart.rows,
        cols=chart.across,
        subplot_titles=[_lines(panel.title) for panel in chart.panels],
        vertical_spacing=0.32 / chart.rows,
        horizontal_spacing=0.24 / chart.across,
    )
    told: set[str] = set()
    for place, panel in enumerate(chart.panels):
        where = {"row": place // chart.across + 1, "col": place % chart.across + 1}
        _draw(figure, objects, panel, where, told)
    figure.update_annotations(font_size=13)
    high = _HIGH * chart.rows
    figure.update_layout(
        **layout,
        height=high + _TOP + _BOTTOM,
        margin={"t": _TOP, "b": _BOTTOM, "l": 60, "r": 20},
        # Between the titles of the figure and of the first panels.
        legend={**_LEGEND, "y": 1 + 42 / high},
    )
    return figure


def _draw(figure: Any, objects: Any, panel: Panel, where: dict[str, int], told: set[str]) -> None:
    for series in panel.series:
        if series.band is not None:
            figure.add_trace(_band(objects, series), **where)
        entry = bool(series.name) and series.name not in told
        told.add(series.name)
        figure.add_trace(
            objects.Scatter(
                x=series.x,
                y=series.y,
                name=_safe(series.name),
                mode=_mode(series),
                marker={"color": series.colour, "size": 5 if series.lined else 7},
                line={"color": series.colour, "width": 2},
                text=list(map(_lines, series.texts)),
                hoverinfo="text" if series.texts else "x+y+name",
                legendgroup=_safe(series.name),
                showlegend=entry,
            ),
            **where,
        )
    if panel.level is not None:
        figure.add_hline(panel.level, line={"dash": "dot", "color": "#777", "width": 1}, **where)
    if panel.counts and max(series.x.max(initial=0) for series in panel.series) <= _FEW:
        figure.update_xaxes(dtick=1, **where)
    for update, label, ends in (
        (figure.update_xaxes, panel.x_label, panel.x_range),
        (figure.update_yaxes, panel.y_label, panel.y_range),
    ):
        title = {"text": _safe(label), "font": {"size": 12}}
        update(title=title, range=None if ends is None else list(ends), **where)


def _mode(series: Series) -> str:
    if not series.lined:
        return "markers"
    return "lines+markers" if series.texts else "lines"


def _band(objects: Any, series: Series) -> Any:
    """The area between both ends, under the line."""
    low, high = series.band or (series.y, series.y)
    return objects.Scatter(
        x=np.concatenate([series.x, series.x[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        fill="toself",
        mode="lines",
        line={"width": 0},
        fillcolor=f"rgba{(*bytes.fromhex(series.colour[1:]), 0.15)}",
        hoverinfo="skip",
        legendgroup=_safe(series.name),
        showlegend=False,
    )


def _lines(text: str) -> str:
    return _safe(text).replace("\n", "<br>")


def _safe(text: str) -> str:
    # Between two dollars MathJax reads a formula, where a page has it.
    return html.escape(printable(text), quote=False).replace("$", "&#36;")
