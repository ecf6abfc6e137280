"""The best of a pool, as the first trials of a study."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from torch import nn

from zc_plugins._seeding import seeded
from zc_plugins.costs.budget import Budget
from zc_plugins.errors import InvalidArgument, NothingScored
from zc_plugins.optuna._attributes import score_attributes
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.module import Proposal, as_space


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
    table = scorer.score(list(drawn.values()), space=space, show_progress=show_progress)
    table.require_scored()
    order = np.argsort(-scorer.aggregate(table), kind="stable")
    held = [_params(trial) for trial in study.get_trials(deepcopy=False)]
    chosen: list[int] = []
    params = [dict(pairs) for pairs in drawn]
    for place in map(int, order):
        if len(chosen) == top or not table.scored[place]:
            break
        if not any(params[place].items() <= other.items() for other in held):
            study.enqueue_trial(params[place], user_attrs=score_attributes(table, place))
            chosen.append(place)
    return table.rows(chosen)


def _drawn(
    space: SearchSpace[Any], pool: int, seed: int, budget: Budget | None
) -> tuple[dict[tuple[tuple[str, Any], ...], Any], list[str]]:
    """Architectures by parameters, each once; and why others were left out."""
    rng = np.random.default_rng(seed)
    drawn: dict[tuple[tuple[str, Any], ...], Any] = {}
    keys, reasons = set(), []
    for _ in range(pool):
        proposal = Proposal({}, rng)
        try:
            architecture = space.suggest(proposal)
            with seeded(0):
                over = budget is not None and not budget.admits(space.build(architecture))
            if over:
                reasons.append(f"over {budget}")
                continue
        except Exception as error:
            reasons.append(f"{type(error).__name__}: {error}")
            continue
        key = space.encode(space.canonical(architecture))
        if key not in keys:
            keys.add(key)
            drawn[tuple(sorted(proposal.params.items()))] = architecture
    return drawn, reasons


def _params(trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
    return {**trial.system_attrs.get("fixed_params", {}), **trial.params}
