"""Plots of a study in matplotlib, called as those in plotly are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
from torch import nn

from zc_plugins.optuna._study_scores import StudyScores
from zc_plugins.optuna.visualization._scores import scores_chart
from zc_plugins.optuna.visualization._trust import trust_chart
from zc_plugins.report.in_matplotlib import in_matplotlib
from zc_plugins.report.visualization.matplotlib import plot_layer_profile
from zc_plugins.scorer import Scorer
from zc_plugins.spaces import SearchSpace

__all__ = ["plot_layer_profile", "plot_trust", "plot_zero_cost_scores"]


def plot_zero_cost_scores(
    study: optuna.Study,
    scorer: Scorer | None = None,
    build_model: Callable[[Any], nn.Module] | SearchSpace[Any] | None = None,
) -> Any:
    """Values over ranks of the scores; see the twin in ``zc_plugins.optuna.visualization``.

    Returns:
        A ``matplotlib.figure.Figure``.
    """
    return in_matplotlib(scores_chart(StudyScores.of(study, scorer, build_model)))


def plot_trust(
    study: optuna.Study,
    scorer: Scorer | None = None,
    build_model: Callable[[Any], nn.Module] | SearchSpace[Any] | None = None,
) -> Any:
    """Trust over the trainings; see the twin in ``zc_plugins.optuna.visualization``.

    Returns:
        A ``matplotlib.figure.Figure``.
    """
    return in_matplotlib(trust_chart(StudyScores.of(study, scorer, build_model)))
