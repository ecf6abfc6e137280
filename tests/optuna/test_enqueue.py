"""Enqueueing the best of a pool."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from torch import nn

from zc_plugins import Budget
from zc_plugins.errors import InvalidArgument, NothingScored
from zc_plugins.optuna import enqueue_best
from zc_plugins.spaces.nasbench201 import NasBench201

from .builders import SHAPE, build_cnn, build_mlp, size_scorer


def test_first_trials_are_the_best_of_the_pool() -> None:
    study = optuna.create_study(direction="maximize")
    table = enqueue_best(study, build_mlp, size_scorer(), top=3, pool=100, seed=1)
    study.optimize(lambda trial: float(build_mlp(trial).out_features), n_trials=3)
    widths = [t.params["width"] for t in study.trials]
    assert widths == sorted(widths, reverse=True)
    assert min(widths) > 55
    assert [t.user_attrs["zc_params"] for t in study.trials] == list(table.column("params"))


def test_conditional_parameters_are_enqueued_whole_and_the_rest_is_sampled() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    enqueue_best(study, build_cnn, size_scorer(SHAPE), top=2, pool=10)

    def objective(trial: optuna.Trial) -> float:
        build_cnn(trial)
        return trial.suggest_float("lr", 1e-4, 1e-1, log=True)

    study.optimize(objective, n_trials=2)
    for trial in study.trials:
        assert trial.params.items() >= trial.system_attrs["fixed_params"].items()
        assert "lr" in trial.params


def test_what_the_study_holds_is_not_enqueued_again() -> None:
    study = optuna.create_study()
    first = enqueue_best(study, build_mlp, size_scorer(), top=3, pool=60)
    second = enqueue_best(study, build_mlp, size_scorer(), top=3, pool=60)
    assert not set(first.candidates) & set(second.candidates)
    assert len(study.trials) == 6


def test_equal_architectures_count_once() -> None:
    """Isomorphic cells share a key."""
    space = NasBench201(channels=4, cells_per_stage=1)
    study = optuna.create_study()
    table = enqueue_best(study, space, size_scorer((3, 16, 16)), top=40, pool=40)
    assert len(set(table.candidates)) == len(table)


def test_isomorphic_cells_are_not_enqueued_again() -> None:
    space, scorer = NasBench201(channels=4, cells_per_stage=1), size_scorer((3, 16, 16))
    study = optuna.create_study()
    first = enqueue_best(study, space, scorer, top=60, pool=60, seed=0)
    second = enqueue_best(study, space, scorer, top=60, pool=60, seed=1)
    assert not set(first.candidates) & set(second.candidates)


def test_float_bounds_and_list_choices() -> None:
    def build(trial: Any) -> nn.Module:
        trial.suggest_categorical("pads", [[0], [1, 1]])
        return nn.Linear(4, trial.suggest_int("n", 1, 1e1))  # type: ignore[arg-type]

    table = enqueue_best(optuna.create_study(), build, size_scorer(), pool=20, top=3)
    assert len(table) == 3


def test_budget() -> None:
    study = optuna.create_study()
    table = enqueue_best(study, build_mlp, size_scorer(), pool=60, budget=Budget((4,), params=100))
    assert table.column("params").max() <= 100
    assert len(table) == 5


def test_a_budget_that_nothing_keeps_builds_nothing_for_real() -> None:
    devices = set()

    class Watched(NasBench201):
        def build(self, architecture: Any) -> nn.Module:
            network = super().build(architecture)
            devices.update(p.device.type for p in network.parameters())
            return network

    space, budget = Watched(channels=4, cells_per_stage=1), Budget((3, 16, 16), params=9, latency=9)
    with pytest.raises(NothingScored, match=r"over budget: params .* over 9"):
        enqueue_best(optuna.create_study(), space, size_scorer((3, 16, 16)), budget=budget, pool=5)
    assert devices == {"meta"}


def test_failing_builders_are_left_out() -> None:
    def build(trial: Any) -> nn.Module:
        model = build_mlp(trial)
        if model.out_features > 20:
            raise RuntimeError("does not fit")
        return model

    table = enqueue_best(optuna.create_study(), build, size_scorer(), pool=60, top=3)
    assert table.column("params").max() <= 100


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda trial: "a string", "NotAModule.*returned str"),
        (lambda trial: nn.Conv2d(3, 3, 3), "InputShapeMismatch.*input_shape=\\(4,\\)"),
    ],
)
def test_nothing_scored_names_the_reason(build: Any, reason: str) -> None:
    study = optuna.create_study()
    with pytest.raises(NothingScored, match=reason):
        enqueue_best(study, build, size_scorer(), pool=3, top=1)
    assert study.trials == []


def test_wrong_arguments() -> None:
    with pytest.raises(InvalidArgument, match="top=5, pool=3"):
        enqueue_best(optuna.create_study(), build_mlp, size_scorer(), top=5, pool=3)
