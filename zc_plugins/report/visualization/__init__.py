"""Plots of a score table in plotly; ``matplotlib`` beside it has the same by the same names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zc_plugins.report.in_plotly import in_plotly
from zc_plugins.report.layer_profile import layer_profile
from zc_plugins.scores import ScoreTable

__all__ = ["plot_layer_profile"]


def plot_layer_profile(table: ScoreTable, candidates: Sequence[str] = ()) -> Any:
    """What each layer adds to a score: a panel a proxy, a line a candidate.

    Args:
        table: of ``Scorer.score``; an empty figure and a warning where no proxy scores layers.
        candidates: those in colour, at most eight; the best by ``az_rank`` where empty.

    Returns:
        A ``plotly.graph_objects.Figure``.

    Raises:
        InvalidArgument: if the table lacks one of the candidates, or there are too many.
        MissingExtra: if plotly is not installed.

    Example:
        >>> from torch import nn
        >>> from zc_plugins import Excitation, Scorer
        >>> networks = [nn.Sequential(nn.Linear(4, n), nn.ReLU(), nn.Linear(n, 2)) for n in (3, 9)]
        >>> table = Scorer(["expressivity"], Excitation((4,))).score(networks)
        >>> plot_layer_profile(table).layout.title.text
        'Scores layer by layer'
    """
    return in_plotly(layer_profile(table, candidates))
