"""A study's trials that may be called the best."""

from __future__ import annotations

from collections.abc import Iterable

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState


def ranked(study: optuna.Study, trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """The COMPLETE ones that keep all constraints, as in ``study.best_trial``; best value first.

    Of several values the first counts.
    """
    lower = study.directions[0] == StudyDirection.MINIMIZE
    found = [
        trial
        for trial in trials
        if trial.state == TrialState.COMPLETE
        and all(excess <= 0 for excess in trial.constraints.values())
    ]
    return sorted(found, key=lambda trial: trial.values[0], reverse=not lower)
