"""The trainings of a study's finished trials."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from zc_plugins.optuna._claim import given_architecture
from zc_plugins.search import Training
from zc_plugins.spaces import SearchSpace


class StudyTrainings:
    """Reads each finished trial once, of the study that was asked for last.

    Args:
        space: of the architectures.
    """

    def __init__(self, space: SearchSpace[Any]) -> None:
        self._space = space
        self._study: tuple[BaseStorage, int] | None = None
        self._known: dict[int, Training] = {}
        self._turn = threading.RLock()

    def of(self, study: optuna.Study, trials: Iterable[FrozenTrial]) -> list[Training]:
        """The trainings of those of the study's trials that are finished and have an architecture.

        Of several objectives the first counts; where it is minimised, its sign is turned.
        """
        with self._turn:
            asked = (study._storage, study._study_id)
            if self._study is None or self._study[0] is not asked[0] or self._study[1] != asked[1]:
                self._study, self._known = asked, {}
            first = study._storage.get_study_directions(study._study_id)[0]
            sign = -1.0 if first == StudyDirection.MINIMIZE else 1.0
            for trial in trials:
                if trial.state.is_finished() and trial._trial_id not in self._known:
                    self._known[trial._trial_id] = self._training(trial, sign)
            known = self._known.values()
            return [training for training in known if training.architecture is not None]

    def _training(self, trial: FrozenTrial, sign: float) -> Training:
        value = sign * trial.values[0] if trial.state == TrialState.COMPLETE else math.nan
        early = {step: sign * reached for step, reached in trial.intermediate_values.items()}
        if trial.state == TrialState.FAIL:
            early = {}
        return Training(given_architecture(self._space, trial), value, early)

    def __reduce__(self) -> tuple[type[StudyTrainings], tuple[SearchSpace[Any]]]:
        return StudyTrainings, (self._space,)
