"""A storage in which one trial can be drawn again and again without a trace in the study."""

from __future__ import annotations

import copy
from collections.abc import Container, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState


class Overlay(BaseStorage):
    """Reads come from the real storage; what is written to one trial stays here.

    The list of trials is read once, when the first reader asks. Study-level writes pass through.

    Args:
        storage: the study's.
        trial_id: of the trial to draw.
        snapshot: trials by study, shared by all overlays of one batch of draws.
    """

    def __init__(
        self, storage: BaseStorage, trial_id: int, snapshot: dict[int, list[FrozenTrial]]
    ) -> None:
        self._storage, self._trial_id, self._snapshot = storage, trial_id, snapshot
        self._trial = copy.deepcopy(storage.get_trial(trial_id))
        self.system_attrs: dict[str, Any] = {}
        """What was written to the trial's system attributes."""

    # Of the one trial.

    def get_trial(self, trial_id: int) -> FrozenTrial:
        return self._trial if trial_id == self._trial_id else self._storage.get_trial(trial_id)

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        self._own(trial_id)
        self._trial.params[param_name] = distribution.to_external_repr(param_value_internal)
        self._trial.distributions[param_name] = distribution

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._own(trial_id)
        self._trial.user_attrs[key] = value

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        if trial_id != self._trial_id:
            self._storage.set_trial_system_attr(trial_id, key, value)
            return
        self._trial.system_attrs[key] = value
        self.system_attrs[key] = value

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        self._own(trial_id)
        self._trial.intermediate_values[step] = intermediate_value

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        raise RuntimeError(f"trial {trial_id} is only being drawn: build_model must not tell it")

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        if study_id not in self._snapshot:
            self._snapshot[study_id] = self._storage.get_all_trials(study_id, deepcopy=False)
        trials = [
            self._trial if trial._trial_id == self._trial_id else trial
            for trial in self._snapshot[study_id]
            if states is None or trial.state in states
        ]
        return copy.deepcopy(trials) if deepcopy else trials

    def _own(self, trial_id: int) -> None:
        if trial_id != self._trial_id:
            raise RuntimeError(f"trial {trial_id} must not be written while another is drawn")

    # Of the study, and of other trials: passed on.

    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        return self._storage.create_new_study(directions, study_name)

    def delete_study(self, study_id: int) -> None:
        self._storage.delete_study(study_id)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._storage.set_study_user_attr(study_id, key, value)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._storage.set_study_system_attr(study_id, key, value)

    def get_study_id_from_name(self, study_name: str) -> int:
        return self._storage.get_study_id_from_name(study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._storage.get_study_name_from_id(study_id)

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._storage.get_study_directions(study_id)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self._storage.get_study_user_attrs(study_id)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self._storage.get_study_system_attrs(study_id)

    def get_all_studies(self) -> list[FrozenStudy]:
        return self._storage.get_all_studies()

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        return self._storage.create_new_trial(study_id, template_trial)
