"""Candidates for one trial, each drawn by the base sampler as if it were the real trial."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from zc_plugins.optuna._overlay import Overlay

_NOT_THE_SAMPLERS = "constraints"


@dataclass(frozen=True)
class Draw:
    """One proposal of the base sampler.

    Attributes:
        architecture: what the space read from the trial; None if it raised.
        reason: what it raised, or empty.
        params: of the architecture.
        values: those, and the rest of the base sampler's joint sample (a learning rate, say).
        distributions: of ``values``.
        system_attrs: what the base sampler wrote to the trial.
    """

    architecture: Any
    reason: str
    params: dict[str, Any]
    values: dict[str, Any]
    distributions: dict[str, BaseDistribution]
    system_attrs: dict[str, Any]


def draw(
    study: optuna.Study,
    trial: FrozenTrial,
    sampler: BaseSampler,
    suggest: Callable[[Any], Any],
    snapshot: dict[int, list[FrozenTrial]],
) -> Draw:
    """One candidate for ``trial``; the study does not see it.

    Args:
        study: the study, or its Hyperband bracket.
        trial: the running trial.
        sampler: the base sampler.
        suggest: reads an architecture from a trial.
        snapshot: trials by study, shared by the draws of one batch.

    Raises:
        Exception: what the base sampler raises for its relative sample.
    """
    overlay = Overlay(study._storage, trial._trial_id, snapshot)
    shadow = optuna.Study(study.study_name, overlay, sampler=sampler, pruner=study.pruner)
    candidate = optuna.Trial(shadow, trial._trial_id)
    relative = dict(candidate.relative_params)
    distributions = dict(candidate.relative_search_space or {})
    held = set(candidate.params)
    architecture, reason = None, ""
    try:
        architecture = suggest(candidate)
    except Exception as error:
        # One failing candidate must not cost the user a trial: it is passed over.
        reason = f"{type(error).__name__}: {error}"
    params = {name: value for name, value in candidate.params.items() if name not in held}
    return Draw(
        architecture,
        reason,
        params,
        {**{n: v for n, v in relative.items() if n in distributions}, **params},
        {**distributions, **{name: candidate.distributions[name] for name in params}},
        {
            key: value
            for key, value in overlay.system_attrs.items()
            if not key.startswith(_NOT_THE_SAMPLERS)
        },
    )
