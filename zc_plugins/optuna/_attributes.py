"""Scores and costs as user attributes of a trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from zc_plugins._score_attributes import PREFIX
from zc_plugins.costs.budget import Budget
from zc_plugins.errors import InvalidArgument
from zc_plugins.scorer import Scorer


def write(storage: BaseStorage, trial_id: int, attributes: Mapping[str, float | str]) -> None:
    """Store the attributes on a trial that is not finished."""
    for key, value in attributes.items():
        storage.set_trial_user_attr(trial_id, key, value)


def numbers_of(trial: FrozenTrial, names: Iterable[str]) -> dict[str, float] | None:
    """The trial's scores or costs of these names; None unless it has them all."""
    found = {name: trial.user_attrs.get(f"{PREFIX}{name}") for name in names}
    numbers = {name: float(v) for name, v in found.items() if isinstance(v, (int, float))}
    return numbers if len(numbers) == len(found) else None


def require_distinct(scorer: Scorer, budget: Budget | None, scored_in: object | None) -> None:
    """Refuse scores and costs of two networks under one name.

    Raises:
        InvalidArgument: with the names.
    """
    names = {proxy.name for proxy in scorer.proxies} & set(budget.limited if budget else ())
    if names and scored_in is not None:
        raise InvalidArgument(
            f"{sorted(names)} are scores of the networks of scored_in and costs of others, under "
            "one name: leave those proxies out, or limit another cost"
        )
