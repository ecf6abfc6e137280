"""Plots of a score table in matplotlib, called as those in plotly are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zc_plugins.report.in_matplotlib import in_matplotlib
from zc_plugins.report.layer_profile import layer_profile
from zc_plugins.scores import ScoreTable

__all__ = ["plot_layer_profile"]


def plot_layer_profile(table: ScoreTable, candidates: Sequence[str] = ()) -> Any:
    """What each layer adds to a score; see the twin in ``zc_plugins.report.visualization``.

    Returns:
        A ``matplotlib.figure.Figure``.
    """
    return in_matplotlib(layer_profile(table, candidates))
