"""A user's builder as a space: ranges, conditions, and errors that name the remedy."""

from __future__ import annotations

import functools
import math
import pickle
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests import zoo
from zc_plugins import ModuleSpace
from zc_plugins.errors import InvalidArgument, NotAModule
from zc_plugins.spaces.module import Proposal, Suggestions
from zc_plugins.testing import check_space


def conditional(trial: Any) -> nn.Module:
    """A second stage exists only where the first asks for it; its range depends on it."""
    width = trial.suggest_int("width", 4, 16, step=4)
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU()]
    if trial.suggest_categorical("kind", ["plain", "deep"]) == "deep":
        wider = trial.suggest_int("wider", width, 32, step=4)
        layers += [nn.Conv2d(width, wider, 3, padding=1), nn.ReLU()]
        width = wider
    dropout = trial.suggest_float("dropout", 0.0, 0.3, step=0.1)
    return nn.Sequential(*layers, nn.Dropout(dropout), zoo.Head(width))


SPACE = ModuleSpace(conditional)


def test_conformance() -> None:
    check_space(SPACE, input_shape=(3, 8, 8), samples=6)


def test_conditional_parameters() -> None:
    rng = np.random.default_rng(0)
    drawn = [SPACE.sample(rng).params for _ in range(30)]
    assert {("wider" in params) for params in drawn} == {True, False}
    for params in drawn:
        assert ("wider" in params) == (params["kind"] == "deep")
        assert params.get("wider", 32) >= params["width"]


def test_mutation_of_a_condition_brings_and_takes_what_depends_on_it() -> None:
    deep = Suggestions.of({"width": 8, "kind": "deep", "wider": 16, "dropout": 0.1})
    rng = np.random.default_rng(0)
    neighbours = [SPACE.mutate(deep, rng).params for _ in range(40)]
    assert any("wider" not in params for params in neighbours)
    for params in neighbours:
        SPACE.build(Suggestions.of(params))
        assert params != deep.params
        # One choice anew; the dependent one only where its range no longer holds it.
        kept = {k for k in deep.params if params.get(k) == deep.params[k]}
        assert len(kept) >= 2


def test_mutation_keeps_to_the_steps() -> None:
    # From width 6 the dependent range has another grid.
    def build(trial: Any) -> nn.Module:
        low = trial.suggest_categorical("low", [4, 6])
        return nn.Linear(trial.suggest_int("high", low, 20, step=4), 2)

    space, rng = ModuleSpace(build), np.random.default_rng(0)
    for _ in range(50):
        params = space.mutate(Suggestions.of({"low": 4, "high": 8}), rng).params
        assert (params["high"] - params["low"]) % 4 == 0


def test_nothing_to_choose() -> None:
    space = ModuleSpace(lambda trial: nn.Linear(trial.suggest_categorical("width", [3]), 1))
    only = space.sample(np.random.default_rng(0))
    assert space.mutate(only, np.random.default_rng(0)) == only
    fixed = ModuleSpace(lambda trial: nn.Linear(1, 1))
    assert fixed.mutate(Suggestions(()), np.random.default_rng(0)) == Suggestions(())


@settings(max_examples=60, deadline=None)
@given(
    low=st.integers(1, 50),
    extra=st.integers(0, 100),
    step=st.integers(1, 7),
    seed=st.integers(0, 9),
)
def test_integers_stay_in_range(low: int, extra: int, step: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    high = low + extra
    stepped = Proposal({}, rng).suggest_int("n", low, high, step=step)
    assert stepped in range(low, high + 1, step)
    assert low <= Proposal({}, rng).suggest_int("n", low, high, log=True) <= high


@settings(max_examples=50, deadline=None)
@given(
    low=st.floats(1e-6, 10),
    steps=st.integers(0, 20),
    step=st.floats(1e-3, 1),
    seed=st.integers(0, 9),
)
def test_floats_stay_in_range_and_come_back(low: float, steps: int, step: float, seed: int) -> None:
    high = low + steps * step
    for arguments in ({}, {"log": True}, {"step": step}):
        drawn = Proposal({}, np.random.default_rng(seed)).suggest_float("x", low, high, **arguments)
        assert low <= drawn <= high
        again = Proposal({"x": drawn}, None).suggest_float("x", low, high, **arguments)
        assert again == drawn


def test_every_step_and_every_choice_is_drawn() -> None:
    rng = np.random.default_rng(0)
    floats = {Proposal({}, rng).suggest_float("x", 0, 0.3, step=0.1) for _ in range(100)}
    assert sorted(floats) == pytest.approx([0, 0.1, 0.2, 0.3])
    integers = {Proposal({}, rng).suggest_int("n", 2, 9, step=3) for _ in range(100)}
    assert integers == {2, 5, 8}
    logs = [Proposal({}, rng).suggest_int("n", 1, 64, log=True) for _ in range(500)]
    assert {1, 64} < set(logs)
    assert 5 < np.median(logs) < 12
    assert math.log(8) == pytest.approx(np.mean(np.log(logs)), abs=0.3)


def test_values_out_of_range_are_built_as_in_optuna() -> None:
    built = SPACE.build(Suggestions.of({"width": 9, "kind": "plain", "dropout": 0.0}))
    assert next(built.parameters()).shape[0] == 9


def test_values_that_do_not_fit_are_refused() -> None:
    for value in ("wide", None):
        with pytest.raises(InvalidArgument, match="'width'"):
            SPACE.build(Suggestions.of({"width": value, "kind": "plain", "dropout": 0.0}))
    with pytest.raises(InvalidArgument, match="'dropout'"):
        SPACE.build(Suggestions.of({"width": 8, "kind": "plain", "dropout": "much"}))
    with pytest.raises(InvalidArgument, match="'kind'"):
        SPACE.build(Suggestions.of({"width": 8}))


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(NotAModule, match=r"return a torch\.nn\.Module"):
        ModuleSpace(lambda trial: "network").sample(np.random.default_rng(0))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "no json", "[1]", "3", "null"])
def test_texts_that_are_no_parameters(text: str) -> None:
    with pytest.raises(InvalidArgument, match="JSON object"):
        SPACE.decode(text)


def test_trials_of_optuna() -> None:
    trial = optuna.trial.FixedTrial({"width": 8, "kind": "plain", "dropout": 0.2, "lr": 0.1})
    trial.suggest_float("lr", 0, 1)
    architecture = SPACE.suggest(trial)
    assert architecture.params == {"width": 8, "kind": "plain", "dropout": 0.2}
    assert SPACE.decode(SPACE.encode(architecture)) == architecture
    assert len(SPACE.build(architecture)) == 4  # type: ignore[arg-type]


def test_names() -> None:
    assert SPACE.name.startswith("tests.spaces.test_module.conditional#")
    assert ModuleSpace(conditional, name="mine").name == "mine"


def test_a_space_travels_between_processes() -> None:
    space = pickle.loads(pickle.dumps(SPACE))
    assert space.name == SPACE.name


def test_names_tell_builders_apart() -> None:
    """A partial or a closure with other values is another space."""

    def made(width: int) -> Any:
        return lambda trial: nn.Linear(width, trial.suggest_int("n", 1, 3))

    def build(trial: Any, width: int) -> nn.Module:
        return nn.Linear(width, trial.suggest_int("n", 1, 3))

    assert ModuleSpace(made(2)).name != ModuleSpace(made(3)).name
    assert ModuleSpace(made(2)).name == ModuleSpace(made(2)).name
    two, three = (ModuleSpace(functools.partial(build, width=w)).name for w in (2, 3))
    assert two != three
