"""Conformance suite for pruners, which Optuna has for samplers and storages only.

Subclass ``PrunerTestCase`` in a test module and override the fixture ``pruner``; override
``prepare`` if the pruner needs parameters of its own.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.pruners import BasePruner
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState


class PrunerTestCase:
    """What Optuna relies on, whatever the pruner decides."""

    @pytest.fixture
    def pruner(self) -> Callable[[], BasePruner]:
        """A function that makes the pruner under test."""
        raise NotImplementedError("override the fixture 'pruner'")

    def prepare(self, trial: optuna.Trial) -> None:
        """Suggest what the pruner needs before ``should_prune``."""
        trial.suggest_float("x", 0, 1)

    @pytest.fixture(params=["memory", "sqlite", "journal"])
    def storage(self, request: pytest.FixtureRequest, tmp_path: Path) -> BaseStorage:
        """Each kind of storage."""
        if request.param == "memory":
            return InMemoryStorage()
        if request.param == "journal":
            return JournalStorage(JournalFileBackend(str(tmp_path / "journal.log")))
        kept = RDBStorage(f"sqlite:///{tmp_path / 'study.db'}")
        # A generator would no longer look like one to pytest under a run-time type checker.
        request.addfinalizer(kept.engine.dispose)  # noqa: PT021
        return kept

    def run(self, trial: optuna.Trial, steps: int = 3) -> float:
        """An objective that asks before the first report and after each."""
        self.prepare(trial)
        if trial.should_prune():
            raise optuna.TrialPruned
        for step in range(steps):
            trial.report(trial.number * 0.1 + step, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return trial.number * 0.1

    @pytest.mark.parametrize("direction", ["minimize", "maximize"])
    def test_study_ends_without_failures(
        self, pruner: Callable[[], BasePruner], storage: BaseStorage, direction: Any
    ) -> None:
        study = optuna.create_study(storage=storage, pruner=pruner(), direction=direction)
        study.optimize(self.run, n_trials=8)
        assert len(study.trials) == 8
        assert {t.state for t in study.trials} <= {TrialState.COMPLETE, TrialState.PRUNED}

    def test_answer_is_a_truth_value_and_stays(self, pruner: Callable[[], BasePruner]) -> None:
        study = optuna.create_study(pruner=pruner())
        study.optimize(self.run, n_trials=3)
        trial = study.ask()
        self.prepare(trial)
        answers = [trial.should_prune() for _ in range(3)]
        trial.report(1.0, 0)
        later = [trial.should_prune() for _ in range(3)]
        assert all(answer in (True, False) for answer in answers + later)
        assert len(set(answers)) == len(set(later)) == 1

    def test_reports_nothing_itself(self, pruner: Callable[[], BasePruner]) -> None:
        study = optuna.create_study(pruner=pruner())
        for _ in range(4):
            trial = study.ask()
            self.prepare(trial)
            trial.should_prune()
            assert study.trials[-1].intermediate_values == {}
            trial.report(0.5, 7)
            trial.should_prune()
            assert study.trials[-1].intermediate_values == {7: 0.5}
            study.tell(trial, state=TrialState.PRUNED)

    def test_pruned_before_a_report_has_no_value(self, pruner: Callable[[], BasePruner]) -> None:
        """A value reported by a pruner would become the value of the pruned trial."""
        reported: list[int] = []

        def objective(trial: optuna.Trial) -> float:
            self.prepare(trial)
            if trial.should_prune():
                raise optuna.TrialPruned
            reported.append(trial.number)
            return self.run(trial)

        study = optuna.create_study(pruner=pruner())
        study.optimize(objective, n_trials=8)
        for trial in study.trials:
            if trial.number not in reported:
                assert trial.value is None
                assert trial.intermediate_values == {}

    def test_changes_neither_parameters_nor_other_trials(
        self, pruner: Callable[[], BasePruner]
    ) -> None:
        study = optuna.create_study(pruner=pruner())
        study.optimize(self.run, n_trials=4)
        before = [(t.state, t.values, t.params, t.intermediate_values) for t in study.trials]
        trial = study.ask()
        self.prepare(trial)
        params = dict(trial.params)
        trial.should_prune()
        trial.report(0.0, 0)
        trial.should_prune()
        after = [(t.state, t.values, t.params, t.intermediate_values) for t in study.trials[:-1]]
        assert before == after
        assert study.trials[-1].params == params
        assert study.trials[-1].state == TrialState.RUNNING

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
    def test_takes_values_that_are_not_finite(
        self, pruner: Callable[[], BasePruner], value: float
    ) -> None:
        study = optuna.create_study(pruner=pruner())
        for _ in range(4):
            trial = study.ask()
            self.prepare(trial)
            trial.report(value, 0)
            assert trial.should_prune() in (True, False)
            study.tell(trial, state=TrialState.PRUNED)

    def test_takes_steps_in_any_order(self, pruner: Callable[[], BasePruner]) -> None:
        study = optuna.create_study(pruner=pruner())
        for _ in range(3):
            trial = study.ask()
            self.prepare(trial)
            for step in (10, 2, 5):
                trial.report(float(step), step)
                assert trial.should_prune() in (True, False)
            study.tell(trial, 1.0)

    def test_pickles(self, pruner: Callable[[], BasePruner]) -> None:
        original = pruner()
        copied = pickle.loads(pickle.dumps(original))
        study = optuna.create_study(pruner=original)
        study.optimize(self.run, n_trials=4)
        trial = study.ask()
        self.prepare(trial)
        frozen = trial._get_latest_trial()
        assert type(copied) is type(original)
        assert copied.prune(study, frozen) == original.prune(study, frozen)

    def test_threads_share_it(self, pruner: Callable[[], BasePruner]) -> None:
        study = optuna.create_study(pruner=pruner())
        study.optimize(self.run, n_trials=12, n_jobs=3)
        assert len(study.trials) == 12
        assert {t.state for t in study.trials} <= {TrialState.COMPLETE, TrialState.PRUNED}

    def test_resumes(self, pruner: Callable[[], BasePruner], tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'study.db'}"
        for _ in range(2):
            storage = RDBStorage(url)
            study = optuna.create_study(
                study_name="resumed", storage=storage, pruner=pruner(), load_if_exists=True
            )
            study.optimize(self.run, n_trials=3)
            trials = study.trials
            storage.engine.dispose()
        assert len(trials) == 6
