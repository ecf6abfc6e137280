"""Filter, then train a few, as trials of a study."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.pruners import HyperbandPruner, SuccessiveHalvingPruner
from optuna.samplers import PartialFixedSampler, RandomSampler
from optuna.trial import TrialState
from torch import nn

from tests.search.chains import Chain, Chains
from zc_plugins import Budget, recipes
from zc_plugins.errors import InvalidArgument
from zc_plugins.optuna import FilterThenTrainSampler, trust
from zc_plugins.search import FilterThenTrain, Training
from zc_plugins.spaces.module import ModuleSpace

from .builders import build_cnn, build_mlp, size_scorer

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

SPACE = Chains()


def accuracy(chain: Chain) -> float:
    return sum(chain) / 4 - 3 * abs(chain[2] - 5)


def sampler(**options: Any) -> FilterThenTrainSampler:
    return FilterThenTrainSampler(SPACE, recipes.size((4,)), **{"pool": 60, **options})


def objective(trial: optuna.Trial) -> float:
    return accuracy(SPACE.suggest(trial))


def chains(study: optuna.Study) -> list[Chain]:
    return [tuple(t.params[f"width_{k}"] for k in range(4)) for t in study.trials]  # type: ignore[misc]


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_a_study_takes_the_course_of_the_search(direction: str) -> None:
    sign = 1 if direction == "maximize" else -1
    study = optuna.create_study(direction=direction, sampler=sampler())
    study.optimize(lambda trial: sign * objective(trial), n_trials=10)
    course = FilterThenTrain(SPACE, recipes.size((4,)), pool=60)
    trainings: list[Training] = []
    for turn in range(10):
        proposal = course.propose(trainings, turn=turn)
        assert proposal is not None
        trainings.append(Training(proposal[0], accuracy(proposal[0])))
    assert chains(study) == [training.architecture for training in trainings]


def test_scores_are_stored_and_trust_reads_them() -> None:
    study = optuna.create_study(direction="maximize", sampler=sampler())
    study.enqueue_trial(SPACE.parameters((1, 2, 3, 4)))
    study.optimize(objective, n_trials=12)
    for trial, chain in zip(study.trials, chains(study), strict=True):
        assert trial.user_attrs["zc_complexity"] == SPACE.flops(chain, (4,))
    assert chains(study)[0] == (1, 2, 3, 4)
    assert trust(study, recipes.size((4,))).ensemble.trained == 12


def test_a_resumed_study_goes_on_and_repeats_nothing(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/study.sqlite3"
    for _ in range(3):
        study = optuna.create_study(
            storage=storage, study_name="s", direction="maximize", sampler=sampler(),
            load_if_exists=True,
        )  # fmt: skip
        study.optimize(objective, n_trials=5)
    assert len(set(chains(study))) == 15
    assert study.best_value > 5


def test_nothing_is_proposed_that_another_worker_trains() -> None:
    study = optuna.create_study(direction="maximize", sampler=sampler())
    other = optuna.load_study(
        study_name=study.study_name, storage=study._storage, sampler=sampler()
    )
    asked = [(study, other)[turn % 2].ask() for turn in range(8)]
    for trial in asked:
        SPACE.suggest(trial)
    assert len(set(chains(study))) == 8
    study = optuna.create_study(direction="maximize", sampler=sampler())
    study.optimize(objective, n_trials=12, n_jobs=3)
    assert len(set(chains(study))) == 12


@pytest.mark.parametrize("asked_first", [False, True])
@pytest.mark.parametrize("ended", [False, True])
def test_of_two_that_propose_the_same_at_once_one_takes_another(
    asked_first: bool, ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the other trial is the earlier or the later one, and has ended meanwhile or not."""
    mine = sampler()
    study = optuna.create_study(direction="maximize", sampler=mine)
    other = optuna.load_study(
        study_name=study.study_name, storage=study._storage, sampler=sampler()
    )
    propose, rivals = mine._course.propose, [other.ask()] if asked_first else []
    taken = list[Chain]()

    def meanwhile(*arguments: Any) -> Any:
        found = propose(*arguments)
        if not taken:
            rival = rivals[0] if rivals else other.ask()
            taken.append(SPACE.suggest(rival))
            if ended:
                other.tell(rival, accuracy(taken[0]))
        return found

    monkeypatch.setattr(mine._course, "propose", meanwhile)
    chain = SPACE.suggest(study.ask())
    assert [*taken, chain] == _pool_by_score()[:2]


def test_the_last_one_is_not_left_by_all_who_met_there(monkeypatch: pytest.MonkeyPatch) -> None:
    space = ModuleSpace(lambda trial: nn.Linear(4, trial.suggest_int("width", 1, 2)), name="two")
    mine, its = (FilterThenTrainSampler(space, size_scorer(), pool=20, first=2) for _ in range(2))
    study = optuna.create_study(direction="maximize", sampler=mine)
    other = optuna.load_study(study_name=study.study_name, storage=study._storage, sampler=its)
    propose, rival = mine._course.propose, other.ask()

    def meanwhile(*arguments: Any) -> Any:
        found = propose(*arguments)
        space.suggest(rival)
        return found

    monkeypatch.setattr(mine._course, "propose", meanwhile)
    trial = study.ask()
    space.suggest(trial)
    assert {trial.params["width"], rival.params["width"]} == {1, 2}
    assert [t.user_attrs["zc_params"] for t in study.trials] == [10.0, 5.0]


def test_what_a_trial_got_elsewhere_is_in_training_too() -> None:
    """None was left for it, so the other sampler chose; the neighbour is not proposed again."""
    space = ModuleSpace(lambda trial: nn.Linear(4, trial.suggest_int("width", 1, 3)), name="three")

    class Left(RandomSampler):
        def sample_independent(self, *arguments: Any) -> int:
            return left.pop()

    sampler = FilterThenTrainSampler(space, size_scorer(), pool=2, first=2, others=Left())
    study = optuna.create_study(direction="maximize", sampler=sampler)
    pool = [study.ask() for _ in range(2)]
    left = {1, 2, 3} - {space.suggest(trial).params["width"] for trial in pool}
    assert len(left) == 1
    (wanted,) = left
    with pytest.warns(UserWarning, match="no architecture is left"):
        assert space.suggest(study.ask()).params["width"] == wanted
    for trial in pool:
        study.tell(trial, 1.0)
    left = {wanted}
    with pytest.warns(UserWarning, match="no architecture is left"):
        space.suggest(study.ask())


def test_a_trial_that_optuna_starts_again_keeps_its_architecture() -> None:
    """Killed before all its parameters were known: the new one has its claim, and the others."""
    study = optuna.create_study(direction="maximize", sampler=sampler())
    first = study.ask()
    first.suggest_int("width_0", 1, 8)
    study.tell(first, state=TrialState.FAIL)
    (failed,) = study.trials
    again = {**failed.system_attrs, "fixed_params": failed.params}
    study.add_trial(optuna.create_trial(state=TrialState.WAITING, system_attrs=again))
    assert SPACE.suggest(study.ask()) == _pool_by_score()[0]


def _pool_by_score() -> list[Chain]:
    course, busy = FilterThenTrain(SPACE, recipes.size((4,)), pool=60), set[str]()
    found = list[Chain]()
    while len(found) < 2:
        proposal = course.propose([], busy)
        assert proposal is not None
        busy.add(course.key(proposal[0]))
        found.append(proposal[0])
    return found


@pytest.mark.parametrize(
    "pruner",
    [
        SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
        HyperbandPruner(min_resource=1, max_resource=9, reduction_factor=3),
    ],
)
def test_with_a_pruner_that_stops_trials_early(pruner: optuna.pruners.BasePruner) -> None:
    def reported(trial: optuna.Trial) -> float:
        value = objective(trial)
        for epoch in (1, 3, 9):
            trial.report(value - 9 / epoch, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return value

    study = optuna.create_study(direction="maximize", sampler=sampler(), pruner=pruner)
    study.optimize(reported, n_trials=40)
    states = {trial.state for trial in study.trials}
    assert states == {TrialState.COMPLETE, TrialState.PRUNED}
    assert len(set(chains(study))) == 40
    assert study.best_value > 5.5


def test_other_parameters_are_the_other_samplers() -> None:
    def with_rate(trial: optuna.Trial) -> float:
        return objective(trial) - abs(trial.suggest_float("lr", 0, 1) - 0.5)

    study = optuna.create_study(direction="maximize", sampler=sampler(others=RandomSampler(seed=0)))
    study.optimize(with_rate, n_trials=6)
    assert len({trial.params["lr"] for trial in study.trials}) == 6
    fixed = PartialFixedSampler({"width_0": 2}, sampler())
    study = optuna.create_study(direction="maximize", sampler=fixed)
    study.optimize(with_rate, n_trials=6)
    assert {chain[0] for chain in chains(study)} == {2}


def test_failed_and_pruned_trials_and_several_objectives() -> None:
    def unlucky(trial: optuna.Trial) -> float:
        value = objective(trial)
        if trial.number % 3 == 1:
            raise RuntimeError("out of memory")
        if trial.number % 3 == 2:
            raise optuna.TrialPruned
        return value

    study = optuna.create_study(direction="maximize", sampler=sampler())
    study.optimize(unlucky, n_trials=18, catch=RuntimeError)
    assert len(set(chains(study))) == 18
    two = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler())
    two.optimize(lambda trial: (objective(trial), 0.0), n_trials=8)
    one = optuna.create_study(direction="maximize", sampler=sampler())
    one.optimize(objective, n_trials=8)
    assert chains(two) == chains(one)


def test_conditional_builders_and_budgets() -> None:
    scorer = recipes.size((3, 8, 8))
    budget = Budget((3, 8, 8), params=2000)
    conditional = FilterThenTrainSampler(build_cnn, scorer, pool=30, budget=budget)
    study = optuna.create_study(direction="maximize", sampler=conditional)

    def trained(trial: optuna.Trial) -> float:
        return -sum(p.numel() for p in build_cnn(trial).parameters())

    study.optimize(trained, n_trials=10)
    assert all(trial.value is not None and trial.value >= -2000 for trial in study.trials)


def test_the_end_of_the_space_is_told() -> None:
    def build(trial: Any) -> Any:
        return build_mlp(optuna.trial.FixedTrial({"width": 2 + trial.suggest_int("half", 0, 2)}))

    study = optuna.create_study(
        sampler=FilterThenTrainSampler(build, size_scorer(), pool=5, first=2)
    )

    def trained(trial: optuna.Trial) -> float:
        build(trial)
        return float(trial.number)

    study.optimize(trained, n_trials=3)
    with pytest.warns(UserWarning, match="no architecture is left"):
        study.optimize(trained, n_trials=1)


def test_travels_between_processes() -> None:
    copy = pickle.loads(pickle.dumps(sampler()))
    study = optuna.create_study(direction="maximize", sampler=copy)
    study.optimize(objective, n_trials=5)
    assert len(study.trials) == 5


def test_nothing_of_another_study_is_learned() -> None:
    used = sampler()
    misled = optuna.create_study(direction="minimize", sampler=used)
    misled.optimize(objective, n_trials=6)
    for fresh in (used, pickle.loads(pickle.dumps(used))):
        study = optuna.create_study(direction="maximize", sampler=fresh)
        study.optimize(objective, n_trials=3)
        plain = optuna.create_study(direction="maximize", sampler=sampler())
        plain.optimize(objective, n_trials=3)
        assert chains(study) == chains(plain)


def test_scores_are_those_of_what_was_trained() -> None:
    fixed = PartialFixedSampler({"width_0": 2}, sampler())
    study = optuna.create_study(direction="maximize", sampler=fixed)
    study.optimize(objective, n_trials=4)
    for trial, chain in zip(study.trials, chains(study), strict=True):
        assert trial.user_attrs["zc_complexity"] == SPACE.flops(chain, (4,))


def test_spaces_that_cannot_tell_parameters() -> None:
    class Mute:
        """All of a space but ``parameters``."""

        name = "mute"
        sample, mutate, build = SPACE.sample, SPACE.mutate, SPACE.build
        suggest, encode = SPACE.suggest, SPACE.encode
        decode, canonical = SPACE.decode, SPACE.canonical

    with pytest.raises(InvalidArgument, match="'mute' cannot tell the parameters"):
        FilterThenTrainSampler(Mute(), recipes.size((4,)))


def test_reports_that_are_not_numbers() -> None:
    def stopped(trial: optuna.Trial) -> float:
        objective(trial)
        trial.report(float("nan"), 1)
        raise optuna.TrialPruned

    study = optuna.create_study(direction="maximize", sampler=sampler())
    study.optimize(stopped, n_trials=6)
    assert len(set(chains(study))) == 6
