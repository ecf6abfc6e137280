"""What a sampler has proposed for a trial, kept with the trial for all workers to see."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.module import Proposal

_KEY = "zc_plugins:claim"


@dataclass(frozen=True)
class Claim:
    """An architecture that a trial has taken.

    Attributes:
        step: number of the proposal.
        key: of the architecture; empty if none was found.
    """

    step: int
    key: str

    @staticmethod
    def of(trial: FrozenTrial) -> Claim | None:
        """The trial's; None if nothing was proposed for it."""
        content = trial.system_attrs.get(_KEY)
        return None if content is None else Claim(**content)

    def write(self, storage: BaseStorage, trial_id: int) -> None:
        """Store it on a trial that is not finished."""
        storage.set_trial_system_attr(trial_id, _KEY, asdict(self))


def given_architecture(space: SearchSpace[Any], trial: FrozenTrial) -> Any | None:
    """The architecture of the parameters that a trial has, or was enqueued with; None if none."""
    given = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
    try:
        return space.suggest(Proposal(given, None))
    except Exception:
        # A trial of other or no parameters, or for which the user's builder raises.
        return None
