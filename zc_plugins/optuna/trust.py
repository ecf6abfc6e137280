"""A report on how far a study's trained networks bear out their scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
from torch import nn

from zc_plugins.optuna._study_scores import StudyScores
from zc_plugins.scorer import Scorer
from zc_plugins.spaces import SearchSpace
from zc_plugins.trust import Trust


def trust(
    study: optuna.Study,
    scorer: Scorer | None = None,
    build_model: Callable[[Any], nn.Module] | SearchSpace[Any] | None = None,
) -> Trust:
    """Kendall's tau of each proxy, the ensemble and parameter count with the study's values.

    Reads COMPLETE trials with stored scores ``zc_NAME``, whoever stored them; of several values
    the first. ``ZeroCostSampler`` and ``ZeroCostPruner`` go by the same ensemble's tau.

    Args:
        study: any.
        scorer: whose scores the trials have; read off the study where None, ranked by ``az_rank``.
        build_model: rebuilds the networks to count their parameters, with a scorer; not needed
            where the trials have ``zc_params``.

    Returns:
        ``print`` shows it; ``.sentence`` is the finding in plain words.

    Example:
        >>> import optuna
        >>> from zc_plugins import recipes
        >>> trust(optuna.create_study(), recipes.size((4,))).sentence
        'Nothing that was trained tells the scores right or wrong yet.'
    """
    return StudyScores.of(study, scorer, build_model).trust()
