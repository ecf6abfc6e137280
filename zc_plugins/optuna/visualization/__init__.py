"""Plots of a study in plotly; ``matplotlib`` beside it has the same by the same names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
from torch import nn

from zc_plugins.optuna._study_scores import StudyScores
from zc_plugins.optuna.visualization._scores import scores_chart
from zc_plugins.optuna.visualization._trust import trust_chart
from zc_plugins.report.in_plotly import in_plotly
from zc_plugins.report.visualization import plot_layer_profile
from zc_plugins.scorer import Scorer
from zc_plugins.spaces import SearchSpace

__all__ = ["plot_layer_profile", "plot_trust", "plot_zero_cost_scores"]


def plot_zero_cost_scores(
    study: optuna.Study,
    scorer: Scorer | None = None,
    build_model: Callable[[Any], nn.Module] | SearchSpace[Any] | None = None,
) -> Any:
    """Values after training over the ranks of the scores before it, with each tau and interval.

    A panel for the ensemble, each proxy, and parameter count as the baseline where it is known;
    of several values the first. Tau is turned so that 1 is a score that is always right, also where
    lower values are better. Networks that a proxy could not score stand at the left end.

    Args:
        study: an empty figure and a warning where no COMPLETE trial has scores.
        scorer: whose scores the trials have; read off the study where None, ranked by ``az_rank``.
        build_model: rebuilds the networks to count their parameters, with a scorer; not needed
            where the trials have ``zc_params``.

    Returns:
        A ``plotly.graph_objects.Figure``.

    Raises:
        MissingExtra: if plotly is not installed.
    """
    return in_plotly(scores_chart(StudyScores.of(study, scorer, build_model)))


def plot_trust(
    study: optuna.Study,
    scorer: Scorer | None = None,
    build_model: Callable[[Any], nn.Module] | SearchSpace[Any] | None = None,
) -> Any:
    """What ``trust`` would have told after each training, and how much say it left the scores.

    Args:
        study: an empty figure and a warning where no COMPLETE trial has scores.
        scorer: as in ``plot_zero_cost_scores``.
        build_model: the same.

    Returns:
        A ``plotly.graph_objects.Figure``.

    Raises:
        MissingExtra: if plotly is not installed.
    """
    return in_plotly(trust_chart(StudyScores.of(study, scorer, build_model)))
