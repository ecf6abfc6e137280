"""Optuna: rank, screen and prune architectures of a study before they are trained."""

from zc_plugins.optuna.budget import enforce_budget
from zc_plugins.optuna.enqueue import enqueue_best
from zc_plugins.optuna.multi_objective import raise_if_rejected
from zc_plugins.optuna.pruner import ZeroCostPruner
from zc_plugins.optuna.sampler import ZeroCostSampler

__all__ = [
    "ZeroCostPruner",
    "ZeroCostSampler",
    "enforce_budget",
    "enqueue_best",
    "raise_if_rejected",
]
