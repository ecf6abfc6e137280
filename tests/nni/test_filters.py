"""Models rejected before training, in NNI's own chain."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zc_plugins import Budget
from zc_plugins.errors import InvalidArgument, ReferenceMismatch
from zc_plugins.nni import BudgetFilter, NniSpace, ZeroCostFilter
from zc_plugins.nni.report import sample_text

from .spaces import SHAPE, Nested, Unbuildable, parameters, size, train

COSTS = {"flops", "depth", "activation_memory", "latency"} & {
    field.name for field in dataclasses.fields(Budget)
}


def chain(*middlewares: Any) -> Any:
    from nni.nas.strategy import Random
    from nni.nas.strategy.middleware import Chain

    return Chain(Random(seed=1), *middlewares)


def trained_by() -> Any:
    from nni.nas.evaluator import FunctionalEvaluator

    return FunctionalEvaluator(train)


def invalid(middleware: Any) -> list[Any]:
    from nni.nas.space import ModelStatus

    return list(middleware.list_models(ModelStatus.Invalid))


def test_low_scores_are_not_trained(run: Callable[..., Any]) -> None:
    space = Nested()
    middleware = ZeroCostFilter(size(), space, keep=0.4, reference_size=30)
    experiment = run(space, trained_by(), chain(middleware), 5)
    models, rejected = experiment.export_top_models(9), invalid(middleware)
    assert len(models) == 5, "a rejected model costs no budget"
    assert rejected
    assert [sample_text(m.sample) for m in rejected] == list(middleware.rejected)
    for reason in middleware.rejected.values():
        assert re.fullmatch(r"score too low: \d+% of the reference .* best 40% are kept", reason)
    smallest = min(m.metric for m in models)
    assert smallest > max(parameters(m.executable_model()) for m in rejected)


def test_the_state_saves_scoring_again(run: Callable[..., Any]) -> None:
    space, scorer = Nested(), size()
    middleware = ZeroCostFilter(scorer, space, keep=0.4, reference_size=30)
    run(space, trained_by(), chain(middleware), 2)
    fresh = size()
    again = ZeroCostFilter(fresh, space, keep=0.4, reference_size=30)
    again.load_state_dict(middleware.state_dict())
    assert fresh.scored == 0
    assert again.rejected == middleware.rejected
    own = NniSpace(space)
    for seed in range(8):
        sample = own.sample_of(own.sample(np.random.default_rng(seed)))
        model = own.executable.freeze(sample)
        assert again.admits(model) == middleware.admits(model)
    assert fresh.scored <= 8


def test_what_cannot_be_built_is_left_to_the_engine(run: Callable[..., Any]) -> None:
    """A model that we cannot read is let through; the experiment fails it, and goes on."""
    space = Unbuildable()
    middleware = ZeroCostFilter(size(), space, keep=1, reference_size=20)
    experiment = run(space, trained_by(), chain(middleware), 12, go_on=True)
    assert not middleware.rejected
    assert 0 < len(experiment.export_top_models(99)) < 12


def test_budgets(run: Callable[..., Any]) -> None:
    space = Nested()
    middleware = BudgetFilter(Budget(SHAPE, params=300))
    experiment = run(space, trained_by(), chain(middleware), 5)
    models, rejected = experiment.export_top_models(9), invalid(middleware)
    assert len(models) == 5
    assert max(m.metric for m in models) <= 300
    assert len(rejected) == middleware.rejected > 0
    assert min(parameters(m.executable_model()) for m in rejected) > 300


def seconds(model: Any) -> float:
    """What stands for a measurement on a device."""
    return parameters(model) * 1e-6


@pytest.mark.parametrize("cost", sorted(COSTS))
def test_budgets_of_other_costs(run: Callable[..., Any], cost: str) -> None:
    space = Nested()
    boundless = Budget(SHAPE, measure_latency=seconds, **{cost: 1e30})
    grid = NniSpace(space).executable.grid()
    every = [boundless.costs(m.executable_model())[cost] for m in grid]
    limit = float(np.quantile(every, 0.3, method="lower"))
    middleware = BudgetFilter(Budget(SHAPE, measure_latency=seconds, **{cost: limit}))
    experiment = run(space, trained_by(), chain(middleware), 5)
    trained, rejected = (
        [boundless.costs(model.executable_model())[cost] for model in models]
        for models in (experiment.export_top_models(9), invalid(middleware))
    )
    assert len(trained) == 5
    assert max(trained) <= limit < min(rejected)


def test_a_latency_that_is_no_number_is_rejected() -> None:
    middleware = BudgetFilter(Budget(SHAPE, latency=1.0, measure_latency=lambda _: float("nan")))
    model = NniSpace(Nested()).executable.random(random_state=np.random.RandomState(0))
    assert not middleware.admits(model)


def test_a_budget_rejects_what_cannot_be_built(run: Callable[..., Any]) -> None:
    middleware = BudgetFilter(Budget(SHAPE, params=10**6))
    experiment = run(Unbuildable(), trained_by(), chain(middleware), 8)
    assert len(experiment.export_top_models(99)) == 8
    assert {m.sample["width"] for m in invalid(middleware)} == {16}


def test_strategies_learn_of_a_rejection_by_its_metric(run: Callable[..., Any]) -> None:
    middleware = BudgetFilter(Budget(SHAPE, params=300), metric_for_invalid=0.0)
    run(Nested(), trained_by(), chain(middleware), 3)
    assert {m.metric for m in invalid(middleware)} == {0.0}


def test_wrong_arguments() -> None:
    with pytest.raises(InvalidArgument, match="keep=0"):
        ZeroCostFilter(size(), Nested(), keep=0)
    reference = size().reference(NniSpace(Nested((4, 8))), size=4)
    with pytest.raises(ReferenceMismatch):
        ZeroCostFilter(size(), Nested(), reference=reference)
