"""A picture as data: what plotly and matplotlib draw alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zc_plugins._shapes import Float, ndarray

COLOURS = (
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#17becf",
)  # fmt: skip
"""Of as many things as one can tell apart; the others are grey."""

GREY = "#b0b0b0"


@dataclass(frozen=True, eq=False)
class Series:
    """Points, or a line through them.

    Attributes:
        name: in the legend, one entry for all panels; empty for none.
        x: shape (points,).
        y: shape (points,).
        colour: e.g. one of ``COLOURS``.
        lined: whether a line joins the points.
        band: lower and upper ends around a line, each of shape (points,).
        texts: one a point, shown where plotly's reader points at it; or none.
    """

    name: str
    x: Float[ndarray, " points"]
    y: Float[ndarray, " points"]
    colour: str = GREY
    lined: bool = False
    band: tuple[Float[ndarray, " points"], Float[ndarray, " points"]] | None = None
    texts: Sequence[str] = ()


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Attributes:
        title: above it.
        x_label: of the horizontal axis.
        y_label: of the vertical axis.
        series: drawn in order, the last on top.
        level: height of a dotted line, where there is a height to compare with.
        counts: whether the horizontal axis counts, so that it has whole numbers only.
        x_range: ends of the horizontal axis, where they are not the data's.
        y_range: ends of the vertical axis, where they are not the data's.
    """

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    level: float | None = None
    counts: bool = False
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None


@dataclass(frozen=True)
class Chart:
    """Panels in rows of at most ``columns``; without panels an empty picture with a title."""

    title: str
    panels: Sequence[Panel] = ()
    columns: int = 3

    @property
    def rows(self) -> int:
        """Rows of panels, at least 1."""
        return max(1, -(-len(self.panels) // self.columns))

    @property
    def across(self) -> int:
        """Panels in the first row, at least 1."""
        return max(1, min(self.columns, len(self.panels)))
