"""Spaces that tell the parameters of an architecture: a real study gives it back."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
import pytest
from torch import nn

from zc_plugins import ModuleSpace
from zc_plugins.spaces import SearchSpace, Suggestible
from zc_plugins.spaces.darts import Darts
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.spaces.ofa_mobilenetv3 import OfaMobileNetV3
from zc_plugins.spaces.stages import Stages
from zc_plugins.spaces.transnasbench101_micro import TransNasBench101Micro
from zc_plugins.spaces.transnasbench101_micro_small import TransNasBench101MicroSmall
from zc_plugins.spaces.vit import VitSpace


def build(trial: Any) -> nn.Module:
    width = trial.suggest_int("width", 2, 64, step=2, log=False)
    if trial.suggest_categorical("deep", [True, False]):
        trial.suggest_float("dropout", 0, 0.5)
    return nn.Linear(width, 1)


SPACES: list[Any] = [
    ModuleSpace(build),
    NasBench201(),
    OfaMobileNetV3(),
    Stages(),
    TransNasBench101Micro(),
    TransNasBench101MicroSmall(),
    VitSpace(),
]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
def test_a_study_gives_the_architecture_back(space: Any) -> None:
    assert isinstance(space, Suggestible)
    rng = np.random.default_rng(0)
    wanted = [space.sample(rng) for _ in range(3)]
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for architecture in wanted:
        study.enqueue_trial(space.parameters(architecture))
    suggested = []

    def objective(trial: optuna.Trial) -> float:
        suggested.append(space.suggest(trial))
        return 0.0

    study.optimize(objective, n_trials=3)
    assert suggested == wanted
    assert [trial.params for trial in study.trials] == [space.parameters(a) for a in wanted]


def test_not_every_space_is() -> None:
    assert isinstance(Darts(), SearchSpace)
    assert not isinstance(Darts(), Suggestible)
