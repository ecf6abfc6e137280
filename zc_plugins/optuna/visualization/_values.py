"""The values of trials as an axis shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from zc_plugins._shapes import Float, ndarray


@dataclass(frozen=True, eq=False)
class Values:
    """First values of trials.

    Attributes:
        of: shape (trials,), in the study's own unit.
        label: its name and which way is better.
    """

    of: Float[ndarray, " trials"]
    label: str


def shown_values(study: optuna.Study, trials: Sequence[FrozenTrial]) -> Values:
    """The first values of COMPLETE trials; the name is the study's metric name if it has one."""
    names = study.metric_names
    lower = study.directions[0] == StudyDirection.MINIMIZE
    name = names[0] if names else "value"
    return Values(
        np.array([trial.values[0] for trial in trials], dtype=np.float64),
        f"{name} ({'lower' if lower else 'higher'} is better)",
    )
