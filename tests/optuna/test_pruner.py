"""The pruner: conformance, verdicts from the first trial on, and what it must never do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PatientPruner,
    SuccessiveHalvingPruner,
)
from optuna.trial import TrialState
from torch import Tensor, nn

from zc_plugins import ModuleSpace, Scorer, recipes
from zc_plugins.errors import InvalidArgument, ReferenceMismatch
from zc_plugins.optuna import ZeroCostPruner, raise_if_rejected
from zc_plugins.optuna._judge import Judge
from zc_plugins.predictors import Fitted
from zc_plugins.predictors.gaussian_process import gaussian_process
from zc_plugins.predictors.ridge import ridge
from zc_plugins.reference import Reference
from zc_plugins.scores import ScoreTable
from zc_plugins.testing.pytest_pruners import PrunerTestCase

from .builders import SHAPE, build_cnn, build_mlp, size_scorer

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def of_size(wrapped: BasePruner | None = None, **options: Any) -> ZeroCostPruner:
    options = {"reference_size": 30, **options}
    return ZeroCostPruner(wrapped, build_mlp, size_scorer(), **options)


class TestZeroCostOverMedian(PrunerTestCase):
    @pytest.fixture
    def pruner(self) -> Callable[[], BasePruner]:
        return lambda: of_size(MedianPruner())

    def prepare(self, trial: optuna.Trial) -> None:
        build_mlp(trial)


class TestZeroCostOverHyperband(TestZeroCostOverMedian):
    @pytest.fixture
    def pruner(self) -> Callable[[], BasePruner]:
        return lambda: of_size(HyperbandPruner(min_resource=1, max_resource=3))


class TestMedian(PrunerTestCase):
    """Optuna's own pass too, so the suite asks for nothing of ours."""

    @pytest.fixture
    def pruner(self) -> Callable[[], BasePruner]:
        return MedianPruner


class TestSuccessiveHalving(PrunerTestCase):
    @pytest.fixture
    def pruner(self) -> Callable[[], BasePruner]:
        return SuccessiveHalvingPruner


class TestPatient(PrunerTestCase):
    @pytest.fixture
    def pruner(self) -> Callable[[], BasePruner]:
        return lambda: PatientPruner(NopPruner(), patience=1)


def objective(trial: optuna.Trial) -> float:
    model = build_mlp(trial)
    if trial.should_prune():
        raise optuna.TrialPruned
    return float(model.out_features)


def test_judges_from_the_first_trial_on() -> None:
    """The size scorer's percentile is the width's: the lower half is never trained."""
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0), pruner=of_size()
    )
    study.optimize(objective, n_trials=60)
    widths = {
        state: [t.params["width"] for t in study.trials if t.state == state]
        for state in (TrialState.COMPLETE, TrialState.PRUNED)
    }
    assert min(widths[TrialState.COMPLETE]) > max(widths[TrialState.PRUNED])
    assert 15 <= len(widths[TrialState.PRUNED]) <= 45
    assert all(t.value is None for t in study.trials if t.state == TrialState.PRUNED)


def test_stores_one_number_a_proxy() -> None:
    study = optuna.create_study(pruner=of_size(keep=0.9))
    study.optimize(objective, n_trials=5)
    for trial in study.trials:
        assert trial.user_attrs["zc_params"] == 5 * trial.params["width"]
        assert trial.user_attrs["zc_complexity"] == 4 * trial.params["width"]
        assert 0 <= trial.user_attrs["zc_percentile"] <= 1


def test_workers_share_the_reference_through_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'study.db'}")
    first = optuna.create_study(study_name="shared", storage=storage, pruner=of_size())
    first.optimize(objective, n_trials=2)
    second_pruner = of_size()
    monkeypatch.setattr(ModuleSpace, "sample", lambda *_: pytest.fail("drawn twice"))
    second = optuna.load_study(study_name="shared", storage=storage, pruner=second_pruner)
    second.optimize(objective, n_trials=2)
    storage.engine.dispose()


def test_enqueued_trials_are_trained() -> None:
    study = optuna.create_study(pruner=of_size(keep=0.1))
    study.enqueue_trial({"width": 1})
    study.optimize(objective, n_trials=1)
    assert study.trials[0].state == TrialState.COMPLETE


def test_wrapped_pruner_decides_after_the_first_report() -> None:
    class Always(BasePruner):
        def prune(self, study: Any, trial: Any) -> bool:
            return True

    study = optuna.create_study(pruner=of_size(Always(), keep=1.0))
    trial = study.ask()
    build_mlp(trial)
    assert not trial.should_prune()
    trial.report(0.0, 0)
    assert trial.should_prune()


def test_hyperband_keeps_its_brackets() -> None:
    """Samplers filter by bracket only if the study's pruner is a HyperbandPruner."""
    inner = HyperbandPruner(min_resource=1, max_resource=9)
    pruner = of_size(inner)
    study = optuna.create_study(pruner=pruner)
    assert isinstance(pruner, HyperbandPruner)

    def reporting(trial: optuna.Trial) -> float:
        width = objective(trial)
        trial.report(width, 1)
        trial.should_prune()
        return width

    study.optimize(reporting, n_trials=20)
    for trial in study.trials:
        seen = optuna.pruners._filter_study(study, trial).get_trials()
        bracket = inner._get_bracket_id(study, trial)
        assert seen == [t for t in study.trials if inner._get_bracket_id(study, t) == bracket]
        assert 0 < len(seen) < len(study.trials)


class Dead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 64, 3), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.conv(x * 0).relu().mean((2, 3)))


def build_sometimes_bad(trial: Any) -> nn.Module:
    kind = trial.suggest_categorical("kind", ["good", "dead", "raises", "no module"])
    if kind == "raises":
        raise RuntimeError("no such layer")
    if kind == "no module":
        return "a string"  # type: ignore[return-value]
    return Dead() if kind == "dead" else build_cnn(trial)


@pytest.mark.parametrize(("kind", "pruned"), [("dead", True), ("good", False)])
def test_degenerate_networks_are_always_pruned(kind: str, pruned: bool) -> None:
    scorer = recipes.az_nas(SHAPE, batch_size=4)
    pruner = ZeroCostPruner(None, build_sometimes_bad, scorer, keep=1.0, reference_size=12)
    study = optuna.create_study(
        sampler=optuna.samplers.PartialFixedSampler(
            {"kind": kind}, optuna.samplers.RandomSampler(seed=1)
        ),
        pruner=pruner,
    )
    trial = study.ask()
    build_sometimes_bad(trial)
    assert trial.should_prune() is pruned
    if pruned:
        assert "disconnected" in study.trials[0].user_attrs["zc_note"]


def test_a_builder_that_raises_now_but_not_in_training_is_not_pruned() -> None:
    def build(trial: Any) -> nn.Module:
        model = build_mlp(trial)
        if not isinstance(trial, optuna.Trial) and trial.params["width"] == 60:
            raise MemoryError("too large for two at once")
        return model

    pruner = ZeroCostPruner(None, build, size_scorer(), keep=0.5, reference_size=30)
    trial = optuna.create_study(
        pruner=pruner,
        sampler=optuna.samplers.PartialFixedSampler({"width": 60}, optuna.samplers.RandomSampler()),
    ).ask()
    build(trial)
    assert not trial.should_prune()


def test_nothing_scorable_warns_and_trains() -> None:
    def build(trial: Any) -> nn.Module:
        trial.suggest_int("n", 1, 3)
        return nn.Identity()

    pruner = ZeroCostPruner(None, build, recipes.az_nas(SHAPE), reference_size=4)
    study = optuna.create_study(pruner=pruner)
    trial = study.ask()
    build(trial)
    with pytest.warns(UserWarning, match="go on unjudged.*no Conv1d"):
        assert not trial.should_prune()


def test_asking_before_building_names_the_remedy() -> None:
    study = optuna.create_study(pruner=of_size())
    with pytest.raises(InvalidArgument, match="Call build_model"):
        study.ask().should_prune()


def test_degenerate_networks_are_pruned_though_enqueued() -> None:
    scorer = recipes.az_nas(SHAPE, batch_size=4)
    pruner = ZeroCostPruner(None, build_sometimes_bad, scorer, reference_size=12)
    study = optuna.create_study(pruner=pruner)
    study.enqueue_trial({"kind": "dead"})
    trial = study.ask()
    build_sometimes_bad(trial)
    assert trial.should_prune()


def test_only_an_enqueued_architecture_is_exempt() -> None:
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0), pruner=of_size()
    )
    for _ in range(20):
        study.enqueue_trial({"lr": 0.1})

    def with_rate(trial: optuna.Trial) -> float:
        trial.suggest_float("lr", 0, 1)
        return objective(trial)

    study.optimize(with_rate, n_trials=20)
    pruned = [t for t in study.trials if t.state == TrialState.PRUNED]
    assert len(pruned) >= 4
    assert all("score too low" in t.user_attrs["zc_note"] for t in pruned)


def test_the_best_of_a_small_space_is_kept() -> None:
    """Half of the reference equals it: none is better."""

    def build(trial: Any) -> nn.Module:
        return nn.Linear(4, trial.suggest_categorical("width", [8, 16]))

    pruner = ZeroCostPruner(None, build, size_scorer(), keep=0.2, reference_size=30)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), pruner=pruner)

    def small(trial: optuna.Trial) -> float:
        build(trial)
        if trial.should_prune():
            raise optuna.TrialPruned
        return 0.0

    study.optimize(small, n_trials=20)
    kept = {t.params["width"] for t in study.trials if t.state == TrialState.COMPLETE}
    assert kept == {16}


def test_values_out_of_range_are_judged_as_they_are() -> None:
    """Optuna takes them, so do we."""
    sampler = optuna.samplers.PartialFixedSampler(
        {"width": 100}, optuna.samplers.RandomSampler(seed=0)
    )
    study = optuna.create_study(sampler=sampler, pruner=of_size())
    with pytest.warns(UserWarning, match="out of range"):
        study.optimize(objective, n_trials=1)
    assert study.trials[0].user_attrs["zc_params"] == 500


def test_a_scorer_that_fails_on_all_is_asked_once() -> None:
    calls = []

    def build(trial: Any) -> nn.Module:
        calls.append(trial)
        return nn.Linear(trial.suggest_int("width", 1, 64), 3)

    pruner = ZeroCostPruner(None, build, size_scorer((3, 4, 4, 4)), reference_size=10)
    study = optuna.create_study(pruner=pruner)
    for _ in range(3):
        trial = study.ask()
        build(trial)
        with pytest.warns(UserWarning, match="trials go on unjudged.*input_shape"):
            assert not trial.should_prune()
    assert len(calls) < 40


def test_reference_fits_a_text_column() -> None:
    """MySQL's holds 65,535 bytes."""
    study = optuna.create_study(pruner=of_size(reference_size=200))
    study.optimize(objective, n_trials=1)
    assert len(json.dumps(study.user_attrs["zc_reference"])) < 65_535 / 2


def test_reference_is_shared_by_processes(tmp_path: Path) -> None:
    """A second process reads what the first has drawn: the attribute is written once."""
    url = f"sqlite:///{tmp_path / 'study.db'}"
    program = (
        "import optuna, sys\n"
        "from tests.optuna.test_pruner import objective, of_size\n"
        "from zc_plugins import ModuleSpace\n"
        "if sys.argv[1] == 'second':\n"
        "    ModuleSpace.sample = None\n"
        f"study = optuna.create_study(study_name='s', storage={url!r}, load_if_exists=True,\n"
        "    pruner=of_size())\n"
        "study.optimize(objective, n_trials=2)\n"
    )
    for number, place in enumerate(("first", "second")):
        environment = {**os.environ, "PYTHONHASHSEED": str(number)}
        subprocess.run([sys.executable, "-c", program, place], check=True, env=environment)
    storage = optuna.storages.RDBStorage(url)
    study = optuna.load_study(study_name="s", storage=storage)
    assert len(study.trials) == 4
    assert all("zc_percentile" in t.user_attrs for t in study.trials)
    storage.engine.dispose()


def test_a_fixed_trial_is_never_rejected() -> None:
    raise_if_rejected(optuna.trial.FixedTrial({"width": 1}), of_size(keep=0.1))


def test_wrong_arguments() -> None:
    with pytest.raises(InvalidArgument, match="keep=0"):
        of_size(keep=0)
    other = size_scorer(SHAPE).reference(ModuleSpace(build_cnn, name="other"), size=3)
    with pytest.raises(ReferenceMismatch, match="'other'"):
        of_size(reference=other)


def test_multi_objective_helper() -> None:
    pruner = of_size(keep=0.5)

    def two(trial: optuna.Trial) -> tuple[float, float]:
        model = build_mlp(trial)
        raise_if_rejected(trial, pruner)
        return float(model.out_features), 1.0

    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.optimize(two, n_trials=40)
    states = [t.state for t in study.trials]
    assert states.count(TrialState.PRUNED) >= 8
    assert states.count(TrialState.COMPLETE) >= 8
    assert TrialState.FAIL not in states


class Noted:
    """A Gaussian process that learns from ``least`` trainings on, and notes how many it had."""

    def __init__(self, least: int = 4) -> None:
        self.least, self.had = least, list[int]()

    def fit(self, table: ScoreTable, accuracy: Any) -> Fitted:
        if len(table) < self.least:
            raise InvalidArgument(f"{len(table)} trainings: train {self.least}")
        self.had.append(len(table))
        return gaussian_process().fit(table, accuracy)


def narrow(trial: optuna.Trial) -> float:
    """The scores prefer wide networks; narrow ones are better."""
    model = build_mlp(trial)
    if trial.should_prune():
        raise optuna.TrialPruned
    return -float(model.out_features)


def trained(study: optuna.Study, start: int) -> list[float]:
    late = study.trials[start:]
    return [t.params["width"] for t in late if t.state == TrialState.COMPLETE]


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_predictor_prunes_what_is_worse_whatever_the_scores_say(direction: str) -> None:
    sign = 1 if direction == "maximize" else -1
    pruner = of_size(predictor=gaussian_process(), trust=False)
    study = optuna.create_study(
        direction=direction, sampler=optuna.samplers.RandomSampler(seed=0), pruner=pruner
    )
    study.optimize(lambda trial: sign * narrow(trial), n_trials=44)
    assert max(trained(study, 20)) < 45
    late = [t for t in study.trials[20:] if t.state == TrialState.PRUNED]
    assert 6 <= len(late) <= 18
    assert all("foretold too low" in t.user_attrs["zc_note"] for t in late)


def test_the_scores_decide_until_the_predictor_can_learn() -> None:
    def states(**options: Any) -> list[TrialState]:
        sampler = optuna.samplers.RandomSampler(seed=0)
        study = optuna.create_study(sampler=sampler, pruner=of_size(**options))
        study.optimize(objective, n_trials=16)
        return [t.state for t in study.trials]

    late = Noted(least=5)
    plain = states()
    fifth = [n for n, state in enumerate(plain) if state == TrialState.COMPLETE][4]
    assert states(predictor=late)[: fifth + 1] == plain[: fifth + 1]
    assert late.had[0] == 5
    study = optuna.create_study(pruner=of_size(predictor=Noted(least=1000), keep=1.0))
    with pytest.raises(InvalidArgument, match="train 1000"):
        study.optimize(objective, n_trials=16)


def test_a_predictor_prunes_neither_what_was_asked_for_nor_what_cannot_be_read() -> None:
    pruner = of_size(predictor=gaussian_process(), keep=0.1)
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0), pruner=pruner
    )
    for width in (1, 2, 60, 61, 62):
        study.enqueue_trial({"width": width})
    study.optimize(narrow, n_trials=5)
    assert [t.state for t in study.trials] == [TrialState.COMPLETE] * 5
    scorer = recipes.az_nas(SHAPE, batch_size=4)
    pruner = ZeroCostPruner(
        None, build_sometimes_bad, scorer, keep=1.0, reference_size=12, predictor=gaussian_process()
    )
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3), pruner=pruner)

    def sometimes(trial: optuna.Trial) -> float:
        build_cnn(trial)
        trial.suggest_categorical("kind", ["good", "dead", "raises", "no module"])
        if trial.should_prune():
            raise optuna.TrialPruned
        return float(trial.number)

    study.optimize(sometimes, n_trials=16)
    states = {trial.params["kind"]: set[TrialState]() for trial in study.trials}
    for trial in study.trials:
        states[trial.params["kind"]].add(trial.state)
    assert states["dead"] == {TrialState.PRUNED}
    assert all(s == {TrialState.COMPLETE} for kind, s in states.items() if kind != "dead")


@pytest.mark.parametrize("reads", ["layers", "parameters"])
def test_a_predictor_of_layers_in_a_second_worker(tmp_path: Path, reads: str) -> None:
    """The study keeps the scores of the reference only: the worker scores the rest anew."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'study.db'}")
    for worker in range(2):
        scorer = recipes.az_nas(SHAPE, batch_size=4)
        pruner = ZeroCostPruner(
            None, build_cnn, scorer, reference_size=10, predictor=ridge([reads])
        )
        study = optuna.create_study(
            study_name="shared", storage=storage, pruner=pruner, load_if_exists=True,
            direction="maximize", sampler=optuna.samplers.RandomSampler(),
        )  # fmt: skip

        def sized(trial: optuna.Trial) -> float:
            model = build_cnn(trial)
            # The first trains what it prunes, too, so that the second can learn at once.
            if trial.should_prune() and worker == 1:  # noqa: B023
                raise optuna.TrialPruned
            return float(sum(p.numel() for p in model.parameters()))

        study.optimize(sized, n_trials=14, n_jobs=2)
    assert TrialState.FAIL not in {t.state for t in study.trials}
    notes = [t.user_attrs.get("zc_note", "") for t in study.trials]
    assert any("foretold too low" in note for note in notes[14:])
    storage.engine.dispose()


def test_a_predictor_with_several_objectives_and_hyperband() -> None:
    noted = Noted()
    pruner = of_size(HyperbandPruner(min_resource=1, max_resource=3), predictor=noted)

    def two(trial: optuna.Trial) -> tuple[float, float]:
        model = build_mlp(trial)
        raise_if_rejected(trial, pruner)
        return float(model.out_features), 1.0

    study = optuna.create_study(
        directions=["minimize", "maximize"], sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.optimize(two, n_trials=40)
    assert noted.had
    assert max(trained(study, 25)) < 50


def test_a_second_worker_scores_the_reference_once_more_and_not_each_time() -> None:
    study, asked = optuna.create_study(), list[int]()

    class Counted(Scorer):
        def reference(self, *arguments: Any, **options: Any) -> Reference:
            asked.append(1)
            return super().reference(*arguments, **options)

    for scorings in (1, 2):
        plain = size_scorer()
        scorer = Counted(plain.proxies, plain.excitation, device="cpu")
        judge = Judge(build_mlp, scorer, None, 10)
        whole = judge.sample(study)
        assert all(whole.parameters)
        assert judge.sample(study) is whole
        assert len(asked) == scorings
