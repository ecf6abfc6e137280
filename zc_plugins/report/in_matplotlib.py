"""A chart drawn by matplotlib."""

from __future__ import annotations

from typing import Any

from zc_plugins._optional import require
from zc_plugins._printable import printable
from zc_plugins.report.chart import Chart, Panel

_WIDE, _HIGH = 4.2, 3.2  # inches of a panel
_LETTERS = 12  # an inch, in the legend


def in_matplotlib(chart: Chart) -> Any:
    """The chart as a figure that belongs to no window; texts of single points are left out.

    Returns:
        A ``matplotlib.figure.Figure``; ``savefig`` writes it.

    Raises:
        MissingExtra: if matplotlib is not installed.
    """
    size = (max(6.0, _WIDE * chart.across), _HIGH * chart.rows + 0.6)
    figure = require("matplotlib.figure", extra="report").Figure(size, layout="constrained")
    # Names are texts, not formulas.
    figure.suptitle(printable(chart.title), parse_math=False)
    entries: dict[str, Any] = {}
    for place, panel in enumerate(chart.panels, start=1):
        axes = figure.add_subplot(chart.rows, chart.across, place)
        _draw(axes, panel, entries)
    if entries:
        # What lies on top comes first.
        legend = figure.legend(
            list(entries.values())[::-1],
            [printable(name) for name in reversed(entries)],
            loc="outside lower center",
            ncols=max(1, int(_LETTERS * size[0] / (max(map(len, entries)) + 6))),
            frameon=False,
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
    return figure


def _draw(axes: Any, panel: Panel, entries: dict[str, Any]) -> None:
    for series in panel.series:
        if series.band is not None:
            low, high = series.band
            axes.fill_between(series.x, low, high, color=series.colour, alpha=0.15, linewidth=0)
        style = {"linestyle": "-" if series.lined else "", "linewidth": 1.5, "color": series.colour}
        marker = {"marker": "." if series.lined else "o", "markersize": 4}
        (drawn,) = axes.plot(series.x, series.y, **style, **marker)
        if series.name:
            entries.setdefault(series.name, drawn)
    if panel.level is not None:
        axes.axhline(panel.level, linestyle=":", color="0.45", linewidth=1)
    if panel.counts:
        axes.xaxis.get_major_locator().set_params(integer=True)
    if panel.x_range is not None:
        axes.set_xlim(panel.x_range)
    if panel.y_range is not None:
        axes.set_ylim(panel.y_range)
    axes.set_title(printable(panel.title), fontsize=10, parse_math=False)
    axes.set_xlabel(printable(panel.x_label), parse_math=False)
    axes.set_ylabel(printable(panel.y_label), parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
