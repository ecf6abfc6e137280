"""Optuna: rank, screen and prune architectures of a study before they are trained."""

from zc_plugins.optuna.budget import enforce_budget
from zc_plugins.optuna.enqueue import enqueue_best
from zc_plugins.optuna.evolution import EvolutionSampler
from zc_plugins.optuna.filter_then_train import FilterThenTrainSampler
from zc_plugins.optuna.fitted_on import fitted_on
from zc_plugins.optuna.multi_objective import raise_if_rejected
from zc_plugins.optuna.pruner import ZeroCostPruner
from zc_plugins.optuna.sampler import ZeroCostSampler
from zc_plugins.optuna.score_objective import score_objective
from zc_plugins.optuna.trust import trust

__all__ = [
    "EvolutionSampler",
    "FilterThenTrainSampler",
    "ZeroCostPruner",
    "ZeroCostSampler",
    "enforce_budget",
    "enqueue_best",
    "fitted_on",
    "raise_if_rejected",
    "score_objective",
    "trust",
]
