"""Trust in studies: misled ones go back to the base, and all workers see the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
import pytest
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from zc_plugins import Excitation, Scorer
from zc_plugins.optuna import ZeroCostPruner, ZeroCostSampler, trust
from zc_plugins.optuna._evidence import Evidence
from zc_plugins.optuna._history import History

from .builders import build_mlp, size_scorer

Direction = Literal["minimize", "maximize"]

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def screened(seed: int = 0, **options: Any) -> ZeroCostSampler:
    return ZeroCostSampler(RandomSampler(seed=seed), build_mlp, size_scorer(), **options)


def width(trial: optuna.Trial) -> float:
    build_mlp(trial)
    return float(trial.params["width"])


def widths(trials: list[optuna.trial.FrozenTrial]) -> list[int]:
    return [t.params["width"] for t in trials if t.state == TrialState.COMPLETE]


def run(direction: Direction, trials: int = 20, **options: Any) -> optuna.Study:
    """The value is the width: the sizes are right for ``maximize``, wrong for ``minimize``."""
    study = optuna.create_study(direction=direction, sampler=screened(half_life=None, **options))
    study.optimize(width, n_trials=trials)
    return study


def test_good_scores_keep_their_pressure() -> None:
    study = run("maximize")
    assert np.mean(widths(study.trials[5:])) > 64 * 0.7
    assert trust(study, size_scorer()).ensemble.interval[0] > 0.8


def test_misleading_scores_are_given_up() -> None:
    """The base's mean width is a half of 64; without trust it stays near the largest."""
    study = run("minimize")
    assert np.mean(widths(study.trials[5:])) < 64 * 0.6
    told = trust(study, size_scorer())
    assert told.ensemble.weight == 0
    assert "mislead" in told.sentence
    assert np.mean(widths(run("minimize", trust=False).trials[5:])) > 64 * 0.7


def test_random_scores_are_given_up() -> None:
    rng = np.random.default_rng(0)
    study = optuna.create_study(sampler=screened(half_life=None))
    study.optimize(lambda trial: width(trial) * 0 + rng.normal(), n_trials=40)
    assert History(size_scorer()).weight(study, study.trials) == 0


def test_the_pruner_keeps_more_where_scores_mislead() -> None:
    def pruned(direction: Direction, **options: Any) -> int:
        pruner = ZeroCostPruner(None, build_mlp, size_scorer(), reference_size=50, **options)
        sampler = RandomSampler(seed=0)
        study = optuna.create_study(direction=direction, sampler=sampler, pruner=pruner)

        def objective(trial: optuna.Trial) -> float:
            value = width(trial)
            if trial.should_prune():
                raise optuna.TrialPruned
            return value

        study.optimize(objective, n_trials=60)
        late = study.trials[20:]
        return [t.state for t in late].count(TrialState.PRUNED)

    assert pruned("maximize") >= 12
    assert pruned("minimize") == 0
    assert pruned("minimize", trust=False) >= 12


def test_two_samplers_on_one_storage_see_the_same(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.db'}"
    seen = []
    storages = [optuna.storages.RDBStorage(url) for _ in range(2)]
    studies = [
        optuna.create_study(
            study_name="s", storage=storage, sampler=screened(seed), load_if_exists=True
        )
        for seed, storage in enumerate(storages)
    ]
    for _ in range(6):
        for study in studies:
            study.optimize(width, n_trials=1)
    for study in studies:
        seen.append(trust(study, size_scorer()))
    assert seen[0] == seen[1]
    assert seen[0].ensemble.trained == 12
    assert (
        seen[0].ensemble.weight == History(size_scorer()).weight(studies[1], studies[1].trials) == 0
    )
    for storage in storages:
        storage.engine.dispose()


def test_what_counts_as_evidence() -> None:
    """Complete trials with scores; the first value, turned to higher is better."""
    study = optuna.create_study(directions=["minimize", "maximize"])
    scored = {"zc_params": 5.0, "zc_complexity": 4.0}
    half = {"zc_params": 5.0}

    def add(attributes: dict[str, Any], state: TrialState = TrialState.COMPLETE) -> None:
        values = [1.0, 2.0] if state == TrialState.COMPLETE else None
        study.add_trial(
            optuna.trial.create_trial(state=state, values=values, user_attrs=attributes)
        )

    add(scored)
    add({})
    add(half)
    add({**half, "zc_note": "complexity: no such layer"})
    add(scored, TrialState.PRUNED)
    evidence = Evidence.of(study, study.get_trials(), size_scorer())
    assert evidence.table.candidates == ("0", "3")
    assert evidence.table.scored.tolist() == [True, False]
    assert evidence.accuracy.tolist() == [-1, -1]


def test_parameter_count_does_as_well() -> None:
    """It is the score here, and is counted from the builder where it is not stored."""
    study = run("maximize", 15)
    assert trust(study, size_scorer()).params_do_as_well
    for trial in study.trials:
        assert "zc_params" in trial.user_attrs

    bare = optuna.create_study(direction="maximize", sampler=RandomSampler(seed=0))
    scorer = Scorer(["complexity"], Excitation((4,)))
    bare.sampler = ZeroCostSampler(bare.sampler, build_mlp, scorer)
    bare.optimize(width, n_trials=12)
    assert trust(bare, scorer).params_do_as_well is None
    told = trust(bare, scorer, build_mlp)
    assert told.params_do_as_well
    assert told.params is not None
    assert told.params.tau == told.ensemble.tau == pytest.approx(1)
