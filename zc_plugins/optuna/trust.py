"""A report on how far a study's trained networks bear out their scores."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from torch import nn

from zc_plugins._admission import Admission
from zc_plugins._score_attributes import PREFIX
from zc_plugins._shapes import ndarray
from zc_plugins.costs.budget import Budget
from zc_plugins.optuna._claim import given_architecture
from zc_plugins.optuna._evidence import Evidence, stored_number
from zc_plugins.optuna._stored import stored_scores
from zc_plugins.scorer import Scorer
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.module import as_space
from zc_plugins.trust import Trust, measured_trust


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
    trials = study.get_trials(deepcopy=False)
    scores = scorer or stored_scores(study, trials)
    evidence = Evidence.of(study, trials, scores)
    params = counted_params(evidence, scorer, build_model)
    return measured_trust(evidence.table, evidence.accuracy, scores.ensemble, params)


def counted_params(
    evidence: Evidence,
    scorer: Scorer | None = None,
    build_model: Callable[[Any], nn.Module] | SearchSpace[Any] | None = None,
) -> ndarray | None:
    """Parameter counts of the trained networks; None unless all are known or can be counted."""
    stored = (trial.user_attrs.get(f"{PREFIX}params") for trial in evidence.trials)
    counts = np.array([stored_number(count) for count in stored])
    if scorer is not None and build_model is not None and np.isnan(counts).any():
        space = as_space(build_model)
        # Counted, not limited.
        budget = Budget(scorer.excitation.input_shape, params=sys.maxsize)
        admission = Admission(space, budget)
        architectures = [given_architecture(space, trial) for trial in evidence.trials]
        found = (
            None if a is None else admission.verdict(a).costs.get("params") for a in architectures
        )
        counts = np.array([stored_number(count) for count in found])
    return None if np.isnan(counts).any() or not len(counts) else counts
