"""An objective that trains nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
from optuna.study import StudyDirection
from optuna.trial import BaseTrial
from torch import nn

from zc_plugins._admission import Admission
from zc_plugins._score_attributes import PREFIX, score_attributes
from zc_plugins.costs.budget import Budget
from zc_plugins.errors import InvalidArgument, ReferenceMismatch
from zc_plugins.optuna._attributes import numbers_of, require_distinct
from zc_plugins.optuna._claim import Claim
from zc_plugins.optuna.budget import hold_to_budget
from zc_plugins.reference import Reference
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.module import as_space


def score_objective(
    space: Callable[[Any], nn.Module] | SearchSpace[Any],
    scorer: Scorer,
    budget: Budget | None = None,
    *,
    cost: str | None = None,
    scored_in: SearchSpace[Any] | None = None,
    reference: Reference | None = None,
) -> Callable[[BaseTrial], float | tuple[float, float]]:
    """An objective whose value is the training-free score of the trial's architecture, to maximise.

    With one proxy the value is its score, negative where a low one is better. Several proxies are
    ranked among a frozen reference, so that the value does not depend on who came before. Scores
    and costs are stored as user attributes ``zc_NAME``. Works with any sampler; a trial that is
    over the budget, or cannot be scored, ends as PRUNED.

    Args:
        space: a search space, or a builder function.
        scorer: e.g. ``recipes.zen_nas(input_shape=(3, 32, 32))``.
        budget: asked before anything is scored.
        cost: one that the budget limits, as a second value, to minimise.
        scored_in: space whose networks are scored in place of ``space``'s, as in ``search``.
        reference: ``scorer.reference(space)``, or of ``scored_in``; the ensemble ranks among it.

    Returns:
        For ``study.optimize``; its study maximises, and minimises a second value.

    Raises:
        InvalidArgument: if several proxies have no reference, or the budget does not limit
            ``cost``.
        ReferenceMismatch: if the reference is of another space or other settings.
    """
    space = as_space(space)
    networks = space if scored_in is None else scored_in
    require_distinct(scorer, budget, scored_in)
    _require_valued(scorer, reference, networks)
    if cost is not None and (budget is None or cost not in budget.limited):
        raise InvalidArgument(
            f"cost={cost!r} has no limit: pass Budget(..., {cost}=...), where the front shall end"
        )
    admission = None if budget is None else Admission(space, budget, scorer.device)

    def objective(trial: BaseTrial) -> float | tuple[float, float]:
        _require_directions(trial, cost)
        architecture = space.suggest(trial)
        costs = {} if admission is None else _admitted(trial, architecture, admission)
        table = scorer.score([architecture], space=networks, show_progress=False, workers=1)
        for name, content in score_attributes(table, 0).items():
            trial.set_user_attr(name, content)
        if not table.scored[0]:
            raise optuna.TrialPruned(f"the network cannot be scored: {table.reason(0)}")
        value = _value(table, scorer, reference)
        return value if cost is None else (value, costs[cost])

    return objective


def _value(table: ScoreTable, scorer: Scorer, reference: Reference | None) -> float:
    if reference is None:
        return float(table.oriented[0, 0])
    return float(scorer.ensemble(table, reference.table)[0])


def _admitted(trial: BaseTrial, architecture: Any, admission: Admission) -> dict[str, float]:
    """The trial's costs, those that its sampler has found or new ones; stored.

    Raises:
        optuna.TrialPruned: over the budget, or if they cannot be computed.
    """
    space, budget = admission.space, admission.budget
    costs = None
    if isinstance(trial, optuna.Trial):
        # Latency is not measured twice.
        stored = trial.storage.get_trial(trial._trial_id)
        claim = Claim.of(stored)
        if claim is not None and claim.key == space.encode(space.canonical(architecture)):
            costs = numbers_of(stored, budget.limited)
    if costs is None:
        verdict = admission.verdict(architecture)
        costs = verdict.costs
        if not verdict.counted:
            trial.set_user_attr(f"{PREFIX}note", verdict.reason)
            raise optuna.TrialPruned(f"the network's costs are unknown: {verdict.reason}")
    hold_to_budget(trial, costs, budget)
    return costs


def _require_valued(
    scorer: Scorer, reference: Reference | None, networks: SearchSpace[Any]
) -> None:
    """Refuse scores that make no number alone.

    Raises:
        InvalidArgument: if several proxies have no reference.
        ReferenceMismatch: if it is of another space or other settings.
    """
    if reference is None:
        if len(scorer.proxies) > 1:
            names = [proxy.name for proxy in scorer.proxies]
            raise InvalidArgument(
                f"the scores {names} make one number among others only: pass "
                "reference=scorer.reference(space), a sample that is scored once"
            )
        return
    scorer.against(reference)
    if reference.space != networks.name:
        raise ReferenceMismatch(
            f"the reference was drawn from space {reference.space!r}, scored is {networks.name!r}: "
            "make one with scorer.reference(space), or of scored_in where you pass it"
        )


def _require_directions(trial: BaseTrial, cost: str | None) -> None:
    study = getattr(trial, "study", None)
    wanted = [StudyDirection.MAXIMIZE, *[StudyDirection.MINIMIZE][: cost is not None]]
    if study is not None and study.directions != wanted:
        names = [direction.name.lower() for direction in wanted]
        raise InvalidArgument(f"the study's directions do not fit: create it with {names}")
