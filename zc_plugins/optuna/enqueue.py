"""The best of a pool, as the first trials of a study."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from torch import nn

from zc_plugins._admission import Admission
from zc_plugins._score_attributes import score_attributes
from zc_plugins.costs.budget import Budget
from zc_plugins.errors import InvalidArgument, NothingScored, ZeroCostError
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.module import ModuleSpace, Proposal, as_space


def enqueue_best(
    study: optuna.Study,
    build_model: Callable[[Any], nn.Module] | SearchSpace[Any],
    scorer: Scorer,
    *,
    top: int = 5,
    pool: int = 200,
    budget: Budget | None = None,
    seed: int = 0,
    show_progress: bool | None = None,
) -> ScoreTable:
    """Score a random pool without training and enqueue its best architectures, best first.

    Parameters that ``build_model`` does not ask for (a learning rate) are left to the study's
    sampler. An architecture that the study holds already is not enqueued again.

    Args:
        study: any study, also one that is resumed.
        build_model: a trial in, a network out; or a search space.
        scorer: e.g. ``recipes.az_nas(input_shape=(3, 32, 32))``.
        top: architectures to enqueue.
        pool: architectures to draw.
        budget: architectures over it are not scored.
        seed: of the pool.
        show_progress: None shows a bar on a terminal outside CI.

    Returns:
        The scores of those that were enqueued, in order.

    Raises:
        InvalidArgument: if ``top`` or ``pool`` is out of range.
        NothingScored: if no architecture could be built, afforded and scored, with a reason.
    """
    if not 1 <= top <= pool:
        raise InvalidArgument(f"top={top}, pool={pool}: pass 1 <= top <= pool")
    space = as_space(build_model)
    drawn, reasons = _drawn(space, pool, seed, budget)
    if not drawn:
        raise NothingScored(f"none of {pool} drawn architectures can be scored: {reasons[0]}")
    architectures = [architecture for _, architecture in drawn]
    table = scorer.score(architectures, space=space, show_progress=show_progress)
    numbers = scorer.aggregate(table)
    table.require_ranked(numbers)
    holds = _Holdings(study, space)
    chosen: list[int] = []
    for place in map(int, np.argsort(-numbers, kind="stable")):
        if len(chosen) == top or not np.isfinite(numbers[place]):
            break
        params, key = drawn[place][0], table.candidates[place]
        if not holds.has(params, key):
            study.enqueue_trial(params, user_attrs=score_attributes(table, place))
            chosen.append(place)
    return table.rows(chosen)


def _drawn(
    space: SearchSpace[Any], pool: int, seed: int, budget: Budget | None
) -> tuple[list[tuple[dict[str, Any], Any]], list[str]]:
    """Parameters and architectures, each architecture once; and why others were left out."""
    rng = np.random.default_rng(seed)
    admission = None if budget is None else Admission(space, budget)
    drawn, reasons, keys = [], [], set()
    for _ in range(pool):
        proposal = Proposal({}, rng)
        try:
            architecture = space.suggest(proposal)
            reason = "" if admission is None else admission.verdict(architecture).reason
            key = space.encode(space.canonical(architecture))
        except Exception as error:
            reasons.append(f"{type(error).__name__}: {error}")
            continue
        if reason:
            reasons.append(reason)
        elif key not in keys:
            keys.add(key)
            drawn.append((proposal.params, architecture))
    return drawn, reasons


class _Holdings:
    """The architectures that a study has trained, trains or will train."""

    def __init__(self, study: optuna.Study, space: SearchSpace[Any]) -> None:
        trials = study.get_trials(deepcopy=False)
        self._params = [{**t.system_attrs.get("fixed_params", {}), **t.params} for t in trials]
        # A builder's space has no two names for one network, and reading it costs a build a trial.
        named_twice = not isinstance(space, ModuleSpace)
        self._keys = {_key(space, p) for p in self._params} if named_twice else set()

    def has(self, params: dict[str, Any], key: str) -> bool:
        return key in self._keys or any(params.items() <= held.items() for held in self._params)


def _key(space: SearchSpace[Any], params: dict[str, Any]) -> str | None:
    try:
        return space.encode(space.canonical(space.suggest(Proposal(params, None))))
    except ZeroCostError:
        # A trial of other parameters.
        return None
