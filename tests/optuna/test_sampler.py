"""The sampler: pressure, conditional spaces, hosts and faults."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage, GrpcStorageProxy, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from torch import nn

from zc_plugins import Budget, recipes
from zc_plugins.errors import InvalidArgument
from zc_plugins.optuna import (
    ZeroCostPruner,
    ZeroCostSampler,
    enforce_budget,
    enqueue_best,
    fitted_on,
)
from zc_plugins.predictors import Fitted, Predictor
from zc_plugins.predictors.gaussian_process import gaussian_process
from zc_plugins.predictors.ridge import ridge
from zc_plugins.predictors.warm_start import warm_start
from zc_plugins.scores import ScoreTable

from .builders import SHAPE, build_cnn, build_mlp, size_scorer

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def screened(base: BaseSampler | None = None, **options: Any) -> ZeroCostSampler:
    base = RandomSampler(seed=0) if base is None else base
    return ZeroCostSampler(base, build_mlp, size_scorer(), **options)


def width(trial: optuna.Trial) -> float:
    model = build_mlp(trial)
    learning_rate = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
    return model.out_features + learning_rate


@pytest.mark.parametrize("base", [RandomSampler(seed=0), TPESampler(seed=0, n_startup_trials=2)])
def test_takes_the_best_of_several_proposals(base: BaseSampler) -> None:
    """The expected largest of 8 uniform widths is 8/9 of the range; of one, a half."""
    sampler = screened(base, candidates=8, half_life=None)
    study = optuna.create_study(sampler=sampler, direction="maximize")
    study.optimize(width, n_trials=30)
    assert np.mean([t.params["width"] for t in study.trials]) > 64 * 0.75


def test_other_parameters_stay_the_base_samplers() -> None:
    """A learning rate is spread over its range, whatever the scores prefer."""
    study = optuna.create_study(sampler=screened(half_life=None))
    study.optimize(width, n_trials=60)
    exponents = np.log10([t.params["lr"] for t in study.trials])
    assert exponents.min() < -3.5 < -1.5 < exponents.max()
    assert abs(exponents.mean() + 2.5) < 0.4


def test_pressure_halves_and_ends() -> None:
    sampler = screened(candidates=8, half_life=10)
    assert [sampler.pressure(n) for n in (0, 10, 20, 30, 100)] == [8, 4, 2, 1, 1]
    assert screened(candidates=8, half_life=None).pressure(10**6) == 8


def test_conditional_space_in_a_real_study() -> None:
    scorer = recipes.az_nas(SHAPE, batch_size=4)
    sampler = ZeroCostSampler(TPESampler(seed=0), build_cnn, scorer, candidates=3)

    def objective(trial: optuna.Trial) -> float:
        model = build_cnn(trial)
        return sum(parameter.numel() for parameter in model.parameters())

    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=6)
    for trial in study.trials:
        depth = trial.params["depth"]
        assert {name for name in trial.params if name.startswith("width")} == {
            f"width_{layer}" for layer in range(depth)
        }
        assert isinstance(trial.user_attrs["zc_expressivity"], float)


def test_leaves_no_trace_of_the_losers() -> None:
    """Builders that report, set attributes or constraints do so once, in the real trial."""

    def build(trial: Any) -> nn.Module:
        model = build_mlp(trial)
        trial.set_user_attr("built", model.out_features)
        trial.set_constraint("width", model.out_features - 64)
        trial.report(1.0, 0)
        return model

    sampler = ZeroCostSampler(RandomSampler(seed=0), build, size_scorer())
    study = optuna.create_study(sampler=sampler)

    seen = []

    def objective(trial: optuna.Trial) -> float:
        before = study.trials[-1]
        seen.append((before.params, before.intermediate_values, before.constraints))
        return float(build(trial).out_features)

    study.optimize(objective, n_trials=5)
    assert seen == [({}, {}, {})] * 5
    for trial in study.trials:
        assert trial.user_attrs["built"] == trial.params["width"]
        assert trial.constraints == {"width": trial.params["width"] - 64}


@pytest.fixture(params=["sqlite", "journal", "grpc"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseStorage]:
    if request.param == "journal":
        yield JournalStorage(JournalFileBackend(str(tmp_path / "journal.log")))
        return
    kept = RDBStorage(f"sqlite:///{tmp_path / 'study.db'}")
    if request.param == "sqlite":
        yield kept
    else:
        yield from _behind_grpc(kept)
    kept.engine.dispose()


def _behind_grpc(kept: RDBStorage) -> Iterator[BaseStorage]:
    import socket

    from optuna.storages._grpc.server import make_server

    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    server = make_server(kept, "localhost", port)
    server.start()
    proxy = GrpcStorageProxy(host="localhost", port=port)
    proxy.wait_server_ready(timeout=60)
    yield proxy
    proxy.close()
    server.stop(None).wait()


def test_storages_and_resume(storage: BaseStorage) -> None:
    for _ in range(2):
        study = optuna.create_study(
            study_name="kept", storage=storage, sampler=screened(), load_if_exists=True
        )
        study.optimize(width, n_trials=3)
    assert [t.state for t in study.trials] == [TrialState.COMPLETE] * 6
    for trial in study.trials:
        assert trial.user_attrs["zc_params"] == 5 * trial.params["width"]


def test_threads() -> None:
    study = optuna.create_study(sampler=screened(half_life=None))
    study.optimize(width, n_trials=24, n_jobs=4)
    assert [t.state for t in study.trials] == [TrialState.COMPLETE] * 24
    for trial in study.trials:
        assert trial.user_attrs["zc_params"] == 5 * trial.params["width"]


def test_ask_and_tell_and_enqueued_parameters() -> None:
    study = optuna.create_study(sampler=screened())
    study.enqueue_trial({"width": 3})
    trial = study.ask()
    assert build_mlp(trial).out_features == 3
    study.tell(trial, 1.0)
    trial = study.ask()
    study.tell(trial, float(build_mlp(trial).out_features))
    assert len(study.trials) == 2


def test_pickles() -> None:
    sampler = pickle.loads(pickle.dumps(screened()))
    study = optuna.create_study(sampler=sampler)
    study.optimize(width, n_trials=3)
    assert len(study.trials) == 3


def test_multi_objective() -> None:
    study = optuna.create_study(
        directions=["maximize", "minimize"],
        sampler=screened(optuna.samplers.NSGAIISampler(seed=0, population_size=4), half_life=None),
    )
    study.optimize(lambda trial: (width(trial), 1.0), n_trials=20)
    assert np.mean([t.params["width"] for t in study.trials]) > 64 * 0.75
    assert all("zc_params" in t.user_attrs for t in study.trials)


def test_hyperband_brackets() -> None:
    study = optuna.create_study(
        sampler=screened(TPESampler(seed=0, n_startup_trials=1), half_life=None),
        pruner=optuna.pruners.HyperbandPruner(min_resource=1, max_resource=4),
        direction="maximize",
    )

    def objective(trial: optuna.Trial) -> float:
        value = width(trial)
        for step in range(4):
            trial.report(value, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    study.optimize(objective, n_trials=20)
    assert np.mean([t.params["width"] for t in study.trials]) > 64 * 0.75
    assert all("zc_params" in t.user_attrs for t in study.trials)


@pytest.mark.parametrize(
    "make",
    [
        lambda: optuna.samplers.GridSampler({"width": [1, 2, 3, 4]}, seed=0),
        lambda: optuna.samplers.BruteForceSampler(seed=0),
        lambda: optuna.samplers.PartialFixedSampler({"width": 7}, RandomSampler(seed=0)),
    ],
    ids=["grid", "brute force", "partial fixed"],
)
def test_samplers_with_a_plan_of_their_own(make: Callable[[], BaseSampler]) -> None:
    base = make()
    study = optuna.create_study(sampler=screened(base, half_life=None))
    study.optimize(lambda trial: float(build_mlp(trial).out_features), n_trials=4)
    widths = [t.params["width"] for t in study.trials]
    if isinstance(base, optuna.samplers.GridSampler):
        assert sorted(widths) == [1, 2, 3, 4]
    elif isinstance(base, optuna.samplers.PartialFixedSampler):
        assert widths == [7] * 4
    else:
        assert len(set(widths)) == 4


def test_same_seed_same_study() -> None:
    def widths() -> list[Any]:
        study = optuna.create_study(sampler=screened(TPESampler(seed=5)))
        study.optimize(width, n_trials=8)
        return [t.params for t in study.trials]

    assert widths() == widths()


def build_sometimes(trial: Any) -> nn.Module:
    model = build_mlp(trial)
    if model.out_features > 40:
        raise RuntimeError("does not fit")
    return model


def test_failing_candidates_are_passed_over() -> None:
    sampler = ZeroCostSampler(RandomSampler(seed=0), build_sometimes, size_scorer())
    study = optuna.create_study(sampler=sampler)
    study.optimize(lambda trial: float(build_sometimes(trial).out_features), n_trials=10)
    widths = [t.params["width"] for t in study.trials]
    assert max(widths) <= 40
    assert np.mean(widths) > 24


def test_all_candidates_failing_costs_no_trial() -> None:
    def never(trial: Any) -> nn.Module:
        trial.suggest_int("width", 1, 64)
        raise RuntimeError("does not fit")

    study = optuna.create_study(
        sampler=ZeroCostSampler(RandomSampler(seed=0), never, size_scorer())
    )
    with pytest.warns(UserWarning, match="base sampler's: RuntimeError: does not fit"):
        study.optimize(lambda trial: float(trial.suggest_int("width", 1, 64)), n_trials=2)
    assert [t.state for t in study.trials] == [TrialState.COMPLETE] * 2


def test_budget_in_the_sampler_and_in_the_objective() -> None:
    budget = Budget((4,), params=100)
    sampler = screened(half_life=None, budget=budget)

    def objective(trial: optuna.Trial) -> float:
        model = build_mlp(trial)
        enforce_budget(trial, model, budget)
        return float(model.out_features)

    study = optuna.create_study(sampler=sampler)
    study.enqueue_trial({"width": 64})
    study.optimize(objective, n_trials=12)
    enqueued, *others = study.trials
    assert enqueued.state == TrialState.PRUNED
    assert enqueued.constraints == {"zc_params": pytest.approx(64 * 5 / 100 - 1)}
    assert enqueued.user_attrs["zc_params"] == 320
    assert "320 over 100" in enqueued.user_attrs["zc_note"]
    assert sum(t.state == TrialState.PRUNED for t in others) <= 3
    assert max(t.params["width"] for t in others if t.state == TrialState.COMPLETE) <= 20


@pytest.mark.parametrize("options", [{"candidates": 0}, {"half_life": 0}])
def test_wrong_arguments(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=f"{next(iter(options))}=0"):
        screened(**options)


def test_learning_rate_after_the_model_in_an_enqueued_trial() -> None:
    """Optuna asks for relative parameters when the architecture is held already."""
    study = optuna.create_study(sampler=screened())
    enqueue_best(study, build_mlp, size_scorer(), top=2, pool=20)
    study.optimize(width, n_trials=3)
    assert all("lr" in trial.params for trial in study.trials)


def test_one_architecture_parameter_suggested_before_the_builder() -> None:
    """What is held already is part of the candidates, not of the choice."""

    def objective(trial: optuna.Trial) -> float:
        depth = trial.suggest_int("depth", 1, 3)
        build_cnn(trial)
        return depth

    sampler = ZeroCostSampler(RandomSampler(seed=0), build_cnn, size_scorer(SHAPE), candidates=4)
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=5)
    assert all("zc_params" in trial.user_attrs for trial in study.trials)


def test_random_state_is_the_users() -> None:
    """What the user trains starts from the same weights with and without us."""
    study = optuna.create_study(sampler=screened())
    torch.manual_seed(3)
    enqueue_best(study, build_cnn, size_scorer(SHAPE), top=1, pool=3)
    study.ask().suggest_int("width", 1, 64)
    study.ask().suggest_int("width", 1, 64)
    drawn = torch.rand(3)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(3))


def test_budget_never_starves_a_long_study() -> None:
    """Once all affordable networks are trained, they are trained again, rather than others."""
    budget = Budget((4,), params=100)

    def objective(trial: optuna.Trial) -> float:
        model = build_mlp(trial)
        enforce_budget(trial, model, budget)
        return float(model.out_features)

    study = optuna.create_study(sampler=screened(budget=budget))
    study.optimize(objective, n_trials=80)
    late = [t.state for t in study.trials[-40:]]
    assert late.count(TrialState.COMPLETE) >= 30


def test_scores_are_stored_to_the_end() -> None:
    study = optuna.create_study(sampler=screened(candidates=2, half_life=1))
    study.optimize(width, n_trials=8)
    assert all("zc_params" in t.user_attrs for t in study.trials)


def test_random_state_under_threads() -> None:
    for seed in range(5):
        study = optuna.create_study(
            sampler=screened(half_life=None, budget=Budget((4,), params=99))
        )
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        study.optimize(lambda trial: float(trial.suggest_int("width", 1, 64)), 8, n_jobs=4)
        assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "choices", [[None, True, 3], [(1, 2), (3,)], [[1, 2], [3]]], ids=["plain", "tuples", "lists"]
)
@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution:UserWarning")
def test_choices_of_any_type(choices: list[Any]) -> None:
    def build(trial: Any) -> nn.Module:
        return nn.Linear(4, 1 + choices.index(trial.suggest_categorical("choice", choices)))

    study = optuna.create_study(
        sampler=ZeroCostSampler(RandomSampler(seed=0), build, size_scorer(), half_life=None)
    )
    study.optimize(lambda trial: float(build(trial).out_features), n_trials=5)
    # The largest first; then, since no trial is trained twice while others are drawn, the rest.
    assert study.trials[0].user_attrs["zc_params"] == 5 * len(choices)
    assert len({str(t.params) for t in study.trials}) == len(choices)


def test_all_ways_together_on_each_storage(storage: BaseStorage) -> None:
    """Enqueued, screened, judged and held to a budget, also across a network."""
    budget = Budget((4,), params=250)
    pruner = ZeroCostPruner(None, build_mlp, size_scorer(), keep=0.9, reference_size=20)

    def objective(trial: optuna.Trial) -> float:
        model = build_mlp(trial)
        enforce_budget(trial, model, budget)
        if trial.should_prune():
            raise optuna.TrialPruned
        return float(model.out_features)

    sampler = screened(budget=budget)
    study = optuna.create_study(storage=storage, sampler=sampler, pruner=pruner)
    enqueue_best(study, build_mlp, size_scorer(), top=2, pool=20)
    study.optimize(objective, n_trials=6)
    assert TrialState.FAIL not in {t.state for t in study.trials}
    over = [t for t in study.trials if t.params["width"] > 50]
    assert over
    assert all(t.state == TrialState.PRUNED and t.constraints["zc_params"] > 0 for t in over)
    judged = [t for t in study.trials if t.params["width"] <= 50]
    assert judged
    assert all("zc_percentile" in t.user_attrs for t in judged)
    assert "zc_reference" in study.user_attrs


class Noted:
    """A Gaussian process that learns from ``least`` trainings on, and notes how many it had."""

    def __init__(self, least: int = 4) -> None:
        self.least, self.had = least, list[int]()

    def fit(self, table: ScoreTable, accuracy: Any) -> Fitted:
        if len(table) < self.least:
            raise InvalidArgument(f"{len(table)} trainings: train {self.least}")
        self.had.append(len(table))
        return gaussian_process().fit(table, accuracy)


def small(trial: optuna.Trial) -> float:
    """The scores prefer the widest; best is 10."""
    return -abs(build_mlp(trial).out_features - 10.0)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_predictor_takes_the_place_of_scores_that_mislead(direction: str) -> None:
    sign = 1 if direction == "maximize" else -1

    def late(**options: Any) -> float:
        sampler = screened(half_life=None, trust=False, **options)
        study = optuna.create_study(direction=direction, sampler=sampler)
        study.optimize(lambda trial: sign * small(trial), n_trials=30)
        return float(np.mean([abs(t.params["width"] - 10) for t in study.trials[15:]]))

    # A random width is 25 off; expected improvement explores, and no width is trained twice.
    assert late(predictor=gaussian_process()) < 22
    assert late() > 28


def test_the_recipe_decides_until_the_predictor_can_learn() -> None:
    noted = Noted(least=5)
    study = optuna.create_study(direction="maximize", sampler=screened(predictor=noted))
    study.optimize(small, n_trials=8)
    plain = optuna.create_study(direction="maximize", sampler=screened())
    plain.optimize(small, n_trials=5)
    # Optuna's random sampler draws alike in both.
    assert [t.params for t in study.trials[:5]] == [t.params for t in plain.trials]
    assert noted.had == [5, 6, 7]


def test_a_predictor_that_cannot_learn_from_many_is_told() -> None:
    study = optuna.create_study(sampler=screened(predictor=Noted(least=1000)))
    with pytest.raises(InvalidArgument, match="train 1000"):
        study.optimize(small, n_trials=15)
    assert len(study.trials) >= 10


def test_a_predictor_in_a_conditional_space_of_several_objectives() -> None:
    scorer = recipes.az_nas(SHAPE, batch_size=4)
    noted = Noted()
    sampler = ZeroCostSampler(TPESampler(seed=0), build_cnn, scorer, candidates=3, predictor=noted)
    study = optuna.create_study(directions=["minimize", "maximize"], sampler=sampler)

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        return float(sum(p.numel() for p in build_cnn(trial).parameters())), 0.0

    study.optimize(objective, n_trials=10)
    assert noted.had
    sizes = [trial.values[0] for trial in study.trials]
    assert np.mean(sizes[6:]) < np.mean(sizes[:4])


def test_a_predictor_with_several_workers_and_a_resumed_study(tmp_path: Path) -> None:
    storage = RDBStorage(f"sqlite:///{tmp_path / 'study.db'}")
    for _ in range(2):
        noted = Noted()
        study = optuna.create_study(
            study_name="kept", storage=storage, direction="maximize", load_if_exists=True,
            sampler=screened(predictor=noted),
        )  # fmt: skip
        study.optimize(small, n_trials=9, n_jobs=3)
    assert noted.had[0] >= 5
    assert [t.state for t in study.trials] == [TrialState.COMPLETE] * 18
    assert all("zc_params" in t.user_attrs for t in study.trials)
    storage.engine.dispose()
    copy = pickle.loads(pickle.dumps(screened(predictor=gaussian_process())))
    study = optuna.create_study(direction="maximize", sampler=copy)
    study.optimize(small, n_trials=6)


def test_a_predictor_and_trainings_that_fail_or_repeat() -> None:
    noted = Noted()
    study = optuna.create_study(direction="maximize", sampler=screened(predictor=noted))

    def unlucky(trial: optuna.Trial) -> float:
        value = small(trial)
        if trial.number % 2:
            raise RuntimeError("out of memory")
        return value

    study.enqueue_trial({"width": 3})
    study.enqueue_trial({"width": 3})
    study.enqueue_trial({"width": 3})
    study.optimize(unlucky, n_trials=12, catch=RuntimeError)
    # Two of the three that were alike have a value: one architecture.
    assert noted.had[-1] <= 5


def narrow_elsewhere() -> Predictor:
    """Fitted on another data set, where narrow networks were better, in another unit."""
    study = optuna.create_study(direction="minimize", sampler=RandomSampler(seed=0))
    study.optimize(lambda trial: build_mlp(trial).out_features / 7, n_trials=16)
    return warm_start(fitted_on(study, ridge(), build_mlp, size_scorer()), ridge())


def test_a_study_that_has_taught_too_little() -> None:
    study = optuna.create_study()
    study.optimize(small, n_trials=3)
    with pytest.raises(InvalidArgument, match="3 finished trials"):
        fitted_on(study, ridge(), build_mlp, size_scorer())


def test_a_warm_start_chooses_and_prunes_from_two_trials_on() -> None:
    sampler = screened(half_life=None, predictor=narrow_elsewhere())
    study = optuna.create_study(sampler=sampler)
    study.optimize(lambda trial: float(build_mlp(trial).out_features), n_trials=4)
    widths = [t.params["width"] for t in study.trials]
    assert min(widths[:2]) > 32 > max(widths[2:])
    pruner = ZeroCostPruner(
        None, build_mlp, size_scorer(), reference_size=30, predictor=narrow_elsewhere()
    )
    study = optuna.create_study(pruner=pruner)
    for width in (60, 50):
        study.add_trial(
            optuna.trial.create_trial(
                params={"width": width},
                distributions={"width": optuna.distributions.IntDistribution(1, 64)},
                value=float(width),
            )
        )
    notes = []
    for width in (64, 2):
        study.sampler = optuna.samplers.PartialFixedSampler({"width": width}, RandomSampler())
        trial = study.ask()
        build_mlp(trial)
        notes.append((trial.should_prune(), study.trials[-1].user_attrs.get("zc_note", "")))
    assert notes[0][0]
    assert "foretold too low" in notes[0][1]
    assert not notes[1][0]
