"""All three ways go on where one proxy of the scorer cannot read the space."""

from __future__ import annotations

import optuna
import pytest

from tests.optuna.builders import SHAPE, build_without_last_activation
from zc_plugins import recipes
from zc_plugins.optuna import ZeroCostPruner, ZeroCostSampler, enqueue_best
from zc_plugins.scorer import Scorer

pytestmark = pytest.mark.filterwarnings("ignore:jacov cannot read many")


@pytest.fixture
def scorer() -> Scorer:
    return recipes.best_training_free(SHAPE, batch_size=8, repeats=1, device="cpu")


def width(trial: optuna.Trial) -> float:
    build_without_last_activation(trial)
    if trial.should_prune():
        raise optuna.TrialPruned
    return float(trial.params["width"])


def test_enqueue(scorer: Scorer) -> None:
    study = optuna.create_study(direction="maximize")
    table = enqueue_best(study, build_without_last_activation, scorer, top=2, pool=12)
    assert len(table) == 2
    assert not table.scored.any()
    study.optimize(width, n_trials=2)
    assert len({trial.params["width"] for trial in study.trials}) == 2


def test_sampler(scorer: Scorer) -> None:
    sampler = ZeroCostSampler(
        optuna.samplers.RandomSampler(seed=0), build_without_last_activation, scorer, candidates=6
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(width, n_trials=2)
    assert all("zc_meco" in trial.user_attrs for trial in study.trials)


def test_pruner(scorer: Scorer) -> None:
    pruner = ZeroCostPruner(
        None, build_without_last_activation, scorer, keep=0.3, reference_size=12
    )
    study = optuna.create_study(
        direction="maximize", pruner=pruner, sampler=optuna.samplers.RandomSampler(seed=1)
    )
    study.optimize(width, n_trials=8)
    states = {trial.state for trial in study.trials}
    assert states == {optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED}
