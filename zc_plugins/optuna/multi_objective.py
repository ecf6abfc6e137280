"""Pruning at initialisation where Optuna offers none: in multi-objective studies."""

from __future__ import annotations

import optuna
from optuna.trial import BaseTrial

from zc_plugins.optuna.pruner import ZeroCostPruner


def raise_if_rejected(trial: BaseTrial, pruner: ZeroCostPruner) -> None:
    """End the trial as PRUNED if the pruner rejects its architecture.

    ``trial.should_prune`` does not work in multi-objective studies; this does, in any study. Call
    it after ``build_model(trial)`` and before training.

    Args:
        trial: the running trial; a ``FixedTrial`` is never rejected.
        pruner: need not be the study's.

    Raises:
        optuna.TrialPruned: if the architecture is rejected.
        MissingParameter: if ``build_model`` was not called on the trial yet.
    """
    if not isinstance(trial, optuna.Trial):
        # A FixedTrial replays a network that somebody chose.
        return
    if pruner.rejects(trial.study, trial._get_latest_trial()):
        raise optuna.TrialPruned(f"trial {trial.number} was rejected before training")
