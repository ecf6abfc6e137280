"""Random parameters that a resumed study draws as the uninterrupted one would."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial


class KeyedRandomSampler(BaseSampler):
    """Draws as ``RandomSampler`` does, each value from a generator of its own.

    Args:
        seed: a value depends on it, on the trial's number and on the parameter's name only.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        key = np.random.SeedSequence([self._seed, trial.number, *param_name.encode()])
        once = RandomSampler(seed=int(key.generate_state(1)[0]))
        return once.sample_independent(study, trial, param_name, param_distribution)
