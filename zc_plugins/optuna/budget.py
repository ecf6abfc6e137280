"""Hard limits inside a study."""

from __future__ import annotations

from collections.abc import Mapping

import optuna
from optuna.trial import BaseTrial
from torch import nn

from zc_plugins._score_attributes import PREFIX
from zc_plugins.costs.budget import Budget


def enforce_budget(trial: optuna.Trial, model: nn.Module, budget: Budget) -> None:
    """End the trial as PRUNED if the network costs too much; the sampler learns the limits.

    Each limited cost becomes a constraint of the trial (``trial.set_constraint``, at most 0 where
    the limit holds), which TPE, GP and NSGA-II respect, and a user attribute ``zc_NAME``, which
    the dashboard shows. The state is PRUNED, not FAIL, from which samplers do not learn.

    Args:
        trial: the running trial.
        model: what ``build_model(trial)`` returned.
        budget: the limits.

    Raises:
        optuna.TrialPruned: if a limit is exceeded.
    """
    hold_to_budget(trial, budget.costs(model), budget)


def hold_to_budget(trial: BaseTrial, costs: Mapping[str, float], budget: Budget) -> None:
    """The same for costs that are known.

    Raises:
        optuna.TrialPruned: if a limit is exceeded.
    """
    excess = budget.excess(dict(costs))
    for name, cost in costs.items():
        trial.set_user_attr(f"{PREFIX}{name}", cost)
        trial.set_constraint(f"{PREFIX}{name}", excess[name])
    over = [
        f"{name} {costs[name]:g} over {getattr(budget, name):g}"
        for name in costs
        if excess[name] > 0
    ]
    if over:
        trial.set_user_attr(f"{PREFIX}note", f"over budget: {', '.join(over)}")
        raise optuna.TrialPruned(f"trial {trial.number} is over budget: {', '.join(over)}")
