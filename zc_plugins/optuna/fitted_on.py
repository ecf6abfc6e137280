"""What a study has taught, for the next one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
from torch import nn

from zc_plugins.errors import InvalidArgument
from zc_plugins.optuna._study_trainings import StudyTrainings
from zc_plugins.predictors import Fitted, Predictor
from zc_plugins.scorer import Scorer
from zc_plugins.search._learned import learned
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.module import as_space


def fitted_on(
    study: optuna.Study,
    predictor: Predictor,
    build_model: Callable[[Any], nn.Module] | SearchSpace[Any],
    scorer: Scorer,
) -> Fitted:
    """The predictor fitted on a study's COMPLETE trials, e.g. for ``warm_start``.

    Of a study that minimises it learns the values with their sign turned: higher is better.

    Args:
        study: any; of several values the first counts.
        predictor: e.g. ``predictors.committee.committee()``.
        build_model: whose networks the trials trained.
        scorer: scores them, where it has not done so yet.

    Raises:
        InvalidArgument: if the trials are too few for the predictor.

    Example:
        >>> from zc_plugins import recipes
        >>> from zc_plugins.predictors.gaussian_process import gaussian_process
        >>> from zc_plugins.predictors.warm_start import warm_start
        >>> def build_model(trial):
        ...     return nn.Linear(4, trial.suggest_int("width", 1, 64))
        >>> scorer = recipes.size((4,))
        >>> study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        >>> study.optimize(lambda trial: build_model(trial).out_features, n_trials=5)
        >>> elsewhere = fitted_on(study, gaussian_process(), build_model, scorer)
        >>> predictor = warm_start(elsewhere, gaussian_process())
    """
    space = as_space(build_model)
    trainings = StudyTrainings(space).of(study, study.get_trials(deepcopy=False))
    found = learned(predictor, scorer, space, trainings)
    if found is None:
        raise InvalidArgument(
            f"the study has {len(trainings)} finished trials of these networks, of which the "
            "predictor cannot learn: finish more, or pass the build_model of the study"
        )
    return found.fitted
