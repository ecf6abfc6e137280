"""Scores as user attributes of a trial."""

from __future__ import annotations

from collections.abc import Mapping

from optuna.storages import BaseStorage


def write(storage: BaseStorage, trial_id: int, attributes: Mapping[str, float | str]) -> None:
    """Store the attributes on a trial that is not finished."""
    for key, value in attributes.items():
        storage.set_trial_user_attr(trial_id, key, value)
