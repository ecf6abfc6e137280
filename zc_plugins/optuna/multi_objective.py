"""Pruning at initialisation where Optuna offers none: in multi-objective studies."""

from __future__ import annotations

import optuna

from zc_plugins.optuna.pruner import ZeroCostPruner


def raise_if_rejected(trial: optuna.Trial, pruner: ZeroCostPruner) -> None:
    """End the trial as PRUNED if the pruner rejects its architecture.

    ``trial.should_prune`` does not work in multi-objective studies; this does, in any study. Call
    it after ``build_model(trial)`` and before training.

    Args:
        trial: the running trial.
        pruner: need not be the study's.

    Raises:
        optuna.TrialPruned: if the architecture is rejected.
        InvalidArgument: if ``build_model`` was not called on the trial yet.
    """
    if pruner.rejects(trial.study, trial._get_latest_trial()):
        raise optuna.TrialPruned(f"trial {trial.number} was rejected before training")
