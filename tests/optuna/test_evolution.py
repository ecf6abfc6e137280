"""A training-free search as trials of a study.

Optuna's conformance suite is for samplers that answer any question; this one answers those of its
space, and leaves the others to a sampler that the suite covers.
"""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import NSGAIISampler, PartialFixedSampler, RandomSampler, TPESampler
from optuna.storages import (
    BaseStorage,
    InMemoryStorage,
    JournalStorage,
    RDBStorage,
    RetryHeartbeatStaleTrialCallback,
)
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

from tests.search.chains import Chains
from zc_plugins import Budget, Excitation, Scorer, recipes
from zc_plugins.errors import InvalidArgument, ReferenceMismatch
from zc_plugins.optuna import EvolutionSampler, enqueue_best, score_objective
from zc_plugins.search import AzEvolution, FrontEvolution, RandomSearch, ZenEvolution, search
from zc_plugins.spaces.darts import Darts
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.spaces.stages import Stages

from .builders import build_mlp

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

ROOT = Path(__file__).parents[2]
SHAPE = (4,)
SPACE = Chains()
BUDGET = Budget(SHAPE, flops=100, params=120)
ZEN = ZenEvolution(population=8, founders=4)
EVOLUTIONS = [
    ZEN,
    AzEvolution(parents=8, founders=4),
    FrontEvolution("flops", population=8, founders=4),
    RandomSearch(population=8),
]


def norm() -> Scorer:
    """One proxy."""
    return Scorer(["l2_norm"], Excitation(SHAPE))


def pair() -> Scorer:
    """Two proxies that are no costs of the budget."""
    return Scorer(["l2_norm", "complexity"], Excitation(SHAPE))


def evolving(scorer: Scorer | None = None, **options: Any) -> EvolutionSampler:
    return EvolutionSampler(SPACE, norm() if scorer is None else scorer, BUDGET, **options)


def untrained(trial: optuna.Trial) -> float:
    """The value tells the evolution nothing."""
    SPACE.suggest(trial)
    return 0.0


def texts(study: optuna.Study, space: Any = SPACE) -> list[str]:
    return [space.encode(space.suggest(optuna.trial.FixedTrial(t.params))) for t in study.trials]


@pytest.fixture(params=["memory", "sqlite", "journal"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseStorage]:
    if request.param == "memory":
        yield InMemoryStorage()
    elif request.param == "journal":
        yield JournalStorage(JournalFileBackend(str(tmp_path / "journal.log")))
    else:
        kept = RDBStorage(f"sqlite:///{tmp_path / 'study.db'}")
        yield kept
        kept.engine.dispose()


@pytest.mark.parametrize("by", EVOLUTIONS, ids=lambda by: type(by).__name__)
@pytest.mark.parametrize("objective", ["scores", "trains"])
def test_takes_the_course_of_a_search(by: Any, objective: str) -> None:
    """Step by step, whoever scores: the objective, or the sampler where the objective trains."""
    scorer = pair()
    found = search(SPACE, scorer, BUDGET, by=by, candidates=40, seed=3)
    sampler = evolving(pair(), by=by, seed=3)
    study = optuna.create_study(sampler=sampler, direction="maximize")
    reference = scorer.reference(SPACE, size=10)
    scored = score_objective(SPACE, scorer, BUDGET, reference=reference)
    study.optimize(scored if objective == "scores" else untrained, n_trials=40)
    assert texts(study) == [i.text for i in found.history]
    assert [i.text for i in sampler.best(study)] == [i.text for i in found.best]
    for trial, individual in zip(study.trials, found.history, strict=True):
        assert trial.user_attrs["zc_l2_norm"] == individual.scores[0]
        assert trial.user_attrs["zc_flops"] == individual.costs["flops"] <= 100


@pytest.mark.parametrize("ends", [1, 11])
def test_a_study_in_two_processes_is_a_study_in_one(storage: BaseStorage, ends: int) -> None:
    """The learning rate too."""

    def objective(trial: optuna.Trial) -> float:
        return score_objective(SPACE, norm())(trial) - trial.suggest_float("lr", 0, 1)  # type: ignore[operator]

    whole = optuna.create_study(sampler=evolving(by=ZEN), direction="maximize")
    whole.optimize(objective, n_trials=18)
    for trials in (ends, 18 - ends):
        study = optuna.create_study(
            study_name="kept", storage=storage, load_if_exists=True, direction="maximize",
            sampler=pickle.loads(pickle.dumps(evolving(by=ZEN))),
        )  # fmt: skip
        study.optimize(objective, n_trials=trials)
    assert [t.params for t in study.trials] == [t.params for t in whole.trials]
    assert len({t.params["lr"] for t in study.trials}) == 18
    assert [i.text for i in evolving(by=ZEN).best(study)] == [
        i.text for i in evolving(by=ZEN).best(whole)
    ]


def retrying(path: str) -> RDBStorage:
    """Takes a trial for dead after some seconds, and queues it again."""
    return RDBStorage(
        f"sqlite:///{path}",
        heartbeat_interval=1,
        grace_period=2,
        heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(),
    )


_KILLED = """
import os, signal, sys
import optuna
from tests.optuna.test_evolution import ZEN, evolving, retrying, untrained
optuna.logging.set_verbosity(optuna.logging.WARNING)

def objective(trial):
    untrained(trial)
    if trial.number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0.0

storage = retrying(sys.argv[1])
study = optuna.create_study(study_name="kept", storage=storage, sampler=evolving(by=ZEN))
study.optimize(objective, n_trials=12)
"""


def test_a_killed_study_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    """The trial that was killed is repeated, since the storage retries it."""
    whole = optuna.create_study(sampler=evolving(by=ZEN))
    whole.optimize(untrained, n_trials=12)
    path = str(tmp_path / "study.db")
    command = [sys.executable, "-W", "ignore", "-c", _KILLED, path]
    killed = subprocess.run(command, cwd=ROOT, timeout=200, check=False)
    assert killed.returncode == -signal.SIGKILL
    storage = retrying(path)
    time.sleep(3)
    study = optuna.load_study(study_name="kept", storage=storage, sampler=evolving(by=ZEN))
    study.optimize(untrained, n_trials=7)
    assert study.trials[5].state == TrialState.FAIL
    assert [t.params for t in study.trials if t.number != 5] == [t.params for t in whole.trials]
    storage.engine.dispose()


def test_threads_propose_nothing_twice(storage: BaseStorage) -> None:
    study = optuna.create_study(storage=storage, sampler=evolving(by=ZEN), direction="maximize")
    study.optimize(score_objective(SPACE, norm(), BUDGET), n_trials=20, n_jobs=2)
    assert len(set(texts(study))) == 20
    assert {t.state for t in study.trials} == {TrialState.COMPLETE}


_WORKER = """
import sys
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from tests.optuna.test_evolution import BUDGET, SPACE, ZEN, evolving, norm, score_objective
optuna.logging.set_verbosity(optuna.logging.WARNING)
storage = JournalStorage(JournalFileBackend(sys.argv[1]))
study = optuna.load_study(study_name="shared", storage=storage, sampler=evolving(by=ZEN))
study.optimize(score_objective(SPACE, norm(), BUDGET), n_trials=30)
"""


def test_processes_propose_nothing_twice(tmp_path: Path) -> None:
    path = str(tmp_path / "journal.log")
    storage = JournalStorage(JournalFileBackend(path))
    optuna.create_study(study_name="shared", storage=storage, direction="maximize")
    command = [sys.executable, "-W", "ignore", "-c", _WORKER, path]
    workers = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [worker.wait(timeout=200) for worker in workers] == [0, 0]
    study = optuna.load_study(study_name="shared", storage=storage)
    assert len(study.trials) == len(set(texts(study))) == 60
    best = [[i.text for i in evolving(by=ZEN).best(study)] for _ in range(2)]
    assert best[0] == best[1]


def test_two_that_claim_the_same_at_once_do_not_keep_it_both() -> None:
    """The colleague claims between this sampler's look at the study and its own claim."""
    storage = _Intruded()
    study = optuna.create_study(storage=storage, sampler=evolving(by=ZEN))
    study.optimize(untrained, n_trials=6)
    storage.colleague = study.ask()
    mine = study.ask()
    architecture = SPACE.suggest(mine)
    claims = [storage.get_trial(t._trial_id).system_attrs["zc_plugins:claim"] for t in (
        storage.colleague, mine)]  # fmt: skip
    assert storage.intruded
    assert claims[0]["key"] != claims[1]["key"] == SPACE.encode(architecture)


class _Intruded(InMemoryStorage):
    """Writes the first claim of a trial for an earlier one too."""

    colleague: optuna.Trial | None = None
    intruded = False

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        super().set_trial_system_attr(trial_id, key, value)
        if self.colleague is not None and not self.intruded:
            self.intruded = True
            super().set_trial_system_attr(self.colleague._trial_id, key, value)


def test_who_comes_late_knows_in_which_order_trials_finished() -> None:
    """As the members' order decides what is drawn, both samplers propose the same."""
    study = optuna.create_study(sampler=evolving(by=ZEN))
    study.optimize(untrained, n_trials=6)
    open_ = [study.ask() for _ in range(4)]
    for trial in open_:
        SPACE.suggest(trial)
    for place in (2, 0, 3, 1):
        study.tell(open_[place], 0.0)
        study.optimize(untrained, n_trials=2)
    assert len(set(texts(study))) == 18
    later = optuna.create_study(sampler=evolving(by=ZEN))
    later.add_trials(study.trials)
    for _ in range(5):
        assert SPACE.suggest(study.ask()) == SPACE.suggest(later.ask())


def test_a_trial_that_never_ends_holds_nothing_up() -> None:
    sampler = evolving(by=ZEN)
    study = optuna.create_study(sampler=sampler)
    study.ask()
    study.optimize(untrained, n_trials=30)
    assert len({str(t.params) for t in study.trials[1:]}) == 30
    assert len(sampler.best(study)) == 8


def test_foreign_trials() -> None:
    """Enqueued in whole and in part, of other parameters, failed, pruned, and added."""
    sampler, scorer = evolving(by=ZEN), norm()
    study = optuna.create_study(sampler=sampler, direction="maximize")
    study.add_trial(create_trial(value=1.0))
    study.add_trial(create_trial(state=TrialState.PRUNED))
    asked = {"lr": FloatDistribution(0, 1)}
    study.add_trial(create_trial(value=9.0, params={"lr": 0.1}, distributions=asked))
    whole, large = SPACE.parameters((1, 2, 3, 4)), SPACE.parameters((8, 8, 8, 8))
    for params in (whole, {"width_0": 5}, {"lr": 0.5}, {"width_2": "wrong"}, large):
        study.enqueue_trial(params)
    enqueue_best(study, SPACE, scorer, top=2, pool=10, budget=BUDGET)

    def objective(trial: optuna.Trial) -> float:
        if trial.number == 12:
            raise RuntimeError("does not fit")
        architecture = SPACE.suggest(trial)
        if trial.number == 13:
            raise RuntimeError("out of memory")
        if trial.number == 14:
            raise optuna.TrialPruned
        return float(sum(architecture) + trial.suggest_float("lr", 0, 1))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        study.optimize(objective, n_trials=40, catch=(RuntimeError, ValueError, TypeError))
    trials = study.trials
    assert trials[3].params.items() >= whole.items()
    assert trials[4].params["width_0"] == 5
    assert trials[5].params["lr"] == 0.5
    proposed = [t for t in trials[10:] if len(t.params) >= 4]
    shapes = [tuple(t.params[f"width_{place}"] for place in range(4)) for t in proposed]
    assert len(set(shapes)) == len(shapes) >= 30
    assert (1, 2, 3, 4) not in shapes
    members = {i.text for i in sampler.best(study)}
    assert SPACE.encode((8, 8, 8, 8)) not in members, "over the budget"
    assert SPACE.encode(shapes[1]) not in members, "failed"
    assert SPACE.encode(shapes[2]) not in members, "pruned"
    assert len(members) == 8


def test_an_enqueued_architecture_may_have_children() -> None:
    sampler = evolving(by=ZenEvolution(population=1, founders=1, mutations=1))
    study = optuna.create_study(sampler=sampler)
    study.enqueue_trial(SPACE.parameters((1, 2, 3, 4)))
    study.optimize(untrained, n_trials=2)
    child = SPACE.suggest(optuna.trial.FixedTrial(study.trials[1].params))
    assert sum(a != b for a, b in zip(child, (1, 2, 3, 4), strict=True)) == 1


def test_who_was_pruned_after_scoring_has_no_children() -> None:
    sampler = evolving(by=ZEN)
    study = optuna.create_study(sampler=sampler, direction="maximize")
    scored = score_objective(SPACE, norm(), BUDGET)

    def objective(trial: optuna.Trial) -> Any:
        value = scored(trial)
        if trial.number % 2:
            raise optuna.TrialPruned
        return value

    study.optimize(objective, n_trials=12)
    assert {i.text for i in sampler.best(study)} == set(texts(study)[::2])


def test_where_nothing_new_is_left_the_trial_goes_on() -> None:
    """All architectures of this budget are proposed, then the rest are the other sampler's."""
    space, tiny = Chains(), Budget(SHAPE, params=17)
    affordable = sum(
        space.params((a, b, c, d)) <= 17
        for a in range(1, 9) for b in range(1, 9) for c in range(1, 9) for d in range(1, 9)
    )  # fmt: skip
    sampler = EvolutionSampler(space, norm(), tiny, patience=3000, seed=1)
    study = optuna.create_study(sampler=sampler, direction="maximize")
    objective = score_objective(space, norm(), tiny)
    study.optimize(objective, n_trials=affordable)
    assert {t.state for t in study.trials} == {TrialState.COMPLETE}
    with pytest.warns(UserWarning, match="none of 3000 proposals was new and within the budget"):
        study.optimize(objective, n_trials=1)
    assert len(study.trials) == affordable + 1


def test_other_parameters_are_the_other_samplers() -> None:
    def objective(trial: optuna.Trial) -> float:
        SPACE.suggest(trial)
        return (trial.suggest_float("lr", 0, 1) - 0.3) ** 2

    drawn, learned = (
        optuna.create_study(sampler=evolving(by=ZEN, others=others))
        for others in (None, TPESampler(seed=0, n_startup_trials=5))
    )
    for study in (drawn, learned):
        study.optimize(objective, n_trials=40)
    assert texts(drawn) == texts(learned)
    errors = [sum(t.value for t in study.trials[20:]) for study in (drawn, learned)]
    assert errors[1] < errors[0] / 2
    rates = [t.params["lr"] for t in drawn.trials]
    assert min(rates) < 0.2 < 0.8 < max(rates)


def test_fixed_parts_are_held_to_the_budget_as_they_are() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = PartialFixedSampler({"width_0": 8}, evolving(by=ZEN))
    study = optuna.create_study(sampler=sampler, direction="maximize")
    study.optimize(score_objective(SPACE, norm(), BUDGET), n_trials=30)
    assert {t.params["width_0"] for t in study.trials} == {8}
    for trial, text in zip(study.trials, texts(study), strict=True):
        cost = SPACE.flops(SPACE.decode(text), SHAPE)
        assert trial.state == (TrialState.PRUNED if cost > 100 else TrialState.COMPLETE) or (
            SPACE.params(SPACE.decode(text)) > 120
        )


def test_front_of_score_against_a_cost(storage: BaseStorage) -> None:
    """Both values, and what a later process needs, are in the study."""
    by = FrontEvolution("flops", population=20, founders=4)
    objective = score_objective(SPACE, norm(), BUDGET, cost="flops")
    for trials in (12, 8):
        sampler = evolving(by=by)
        study = optuna.create_study(
            study_name="front", storage=storage, load_if_exists=True, sampler=sampler,
            directions=["maximize", "minimize"],
        )  # fmt: skip
        study.optimize(objective, n_trials=trials)
    front = {(i.scores[0], i.costs["flops"]) for i in sampler.best(study)}
    assert front == {tuple(t.values) for t in study.best_trials}
    found = search(SPACE, norm(), BUDGET, by=by, candidates=20)
    assert texts(study) == [i.text for i in found.history]


def test_latency_is_measured_once_a_trial() -> None:
    measured = []

    def measure(network: Any) -> float:
        measured.append(network)
        return len(measured) / 100

    budget = Budget(SHAPE, latency=9, measure_latency=measure)
    sampler = EvolutionSampler(SPACE, norm(), budget, by=FrontEvolution("latency"))
    study = optuna.create_study(sampler=sampler, directions=["maximize", "minimize"])
    study.enqueue_trial(SPACE.parameters((1, 2, 3, 4)))
    study.optimize(score_objective(SPACE, norm(), budget, cost="latency"), n_trials=10)
    assert len(measured) == 10
    assert [t.user_attrs["zc_latency"] for t in study.trials] == [t.values[1] for t in study.trials]


def test_the_objective_works_with_other_samplers() -> None:
    sampler = NSGAIISampler(population_size=6, seed=0)
    study = optuna.create_study(sampler=sampler, directions=["maximize", "minimize"])
    study.optimize(score_objective(SPACE, norm(), BUDGET, cost="params"), n_trials=30)
    complete = [t for t in study.trials if t.state == TrialState.COMPLETE]
    assert complete
    assert all(t.user_attrs["zc_flops"] <= 100 for t in complete)
    for trial in study.trials:
        # Multiply-adds are not counted where the parameters are too many.
        over = trial.user_attrs["zc_params"] > 120 or trial.user_attrs["zc_flops"] > 100
        assert (trial.state == TrialState.PRUNED) == over
        assert over == any(excess > 0 for excess in trial.constraints.values())


def test_the_value_is_the_score_or_the_rank_among_the_reference() -> None:
    params = Scorer(["params"], Excitation(SHAPE))
    trial = optuna.trial.FixedTrial(SPACE.parameters((8, 8, 8, 7)))
    assert score_objective(SPACE, params)(trial) == SPACE.params((8, 8, 8, 7))
    low = Scorer(["initial_loss"], Excitation(SHAPE))
    assert not low.proxies[0].higher_is_better
    value = score_objective(SPACE, low)(trial)
    assert value == -trial.user_attrs["zc_initial_loss"]
    scorer = pair()
    ranked = score_objective(SPACE, scorer, reference=scorer.reference(SPACE, size=20))
    values = [
        ranked(optuna.trial.FixedTrial(SPACE.parameters(architecture)))
        for architecture in ((1, 1, 1, 1), (3, 4, 4, 3), (8, 8, 8, 8))
    ]
    assert values == sorted(values)  # type: ignore[type-var]
    assert len(set(values)) == 3


def test_what_cannot_be_scored_ends_as_pruned() -> None:
    scorer = Scorer(["naswot"], Excitation((7,)))
    study = optuna.create_study(direction="maximize", sampler=evolving(scorer))
    study.optimize(score_objective(SPACE, scorer), n_trials=3)
    assert {t.state for t in study.trials} == {TrialState.PRUNED}
    assert all("zc_note" in t.user_attrs for t in study.trials)
    assert len(set(texts(study))) == 3


@pytest.mark.parametrize(
    "space",
    [NasBench201(channels=4, cells_per_stage=1), Stages("small_images", classes=10)],
    ids=lambda space: type(space).__name__,
)
def test_real_spaces(space: Any) -> None:
    shape = (3, 16, 16)
    budget = Budget(shape, flops=3e6)
    scorer = recipes.zen_nas(shape)
    networks = getattr(space, "plain", None)
    by = ZenEvolution(population=6, founders=3, start=_within(space, budget))
    options: dict[str, Any] = {"by": by, "scored_in": networks}
    study = optuna.create_study(
        direction="maximize", sampler=EvolutionSampler(space, scorer, budget, **options)
    )
    study.optimize(score_objective(space, scorer, budget, scored_in=networks), n_trials=12)
    found = search(space, scorer, budget, candidates=12, **options)
    assert texts(study, space) == [i.text for i in found.history]
    assert study.best_value == found.winner.scores[0]


def _within(space: Any, budget: Budget) -> Any:
    """Where a mobile space begins, made small enough; other spaces begin anywhere."""
    if not isinstance(space, Stages):
        return None
    text = (
        "SuperConvK3BNRELU(3,8,1,1)SuperResIDWE1K3(8,8,1,8,1)SuperResIDWE1K3(8,8,2,8,1)"
        "SuperResIDWE1K3(8,16,2,8,1)SuperResIDWE1K3(16,16,2,8,1)SuperConvK1BNRELU(16,2048,1,1)"
    )
    start = space.decode(text)
    assert space.flops(start, budget.input_shape) < 3e6
    return start


def test_a_builder_function() -> None:
    scorer = recipes.size((4,))
    sampler = EvolutionSampler(build_mlp, scorer, Budget((4,), depth=1), by=ZEN)
    study = optuna.create_study(sampler=sampler, direction="maximize")
    reference = scorer.reference(sampler._space, size=10)
    study.optimize(score_objective(build_mlp, scorer, reference=reference), n_trials=20)
    assert len({t.params["width"] for t in study.trials}) == 20


def test_a_sampler_that_moves_to_another_study_begins_there_anew() -> None:
    sampler = evolving(by=ZEN)
    studies = [optuna.create_study(sampler=sampler) for _ in range(2)]
    for study in studies:
        study.optimize(untrained, n_trials=10)
    assert texts(studies[0]) == texts(studies[1])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: evolving(patience=0), InvalidArgument, "patience=0"),
        (lambda: evolving(seed=-1), InvalidArgument, "seed=-1"),
        (lambda: EvolutionSampler(Darts(), norm()), InvalidArgument, "cannot tell the parameters"),
        (
            lambda: evolving(
                Scorer(["l2_norm"], Excitation(SHAPE), ensemble="vote"), by=AzEvolution()
            ),
            InvalidArgument,
            "ensemble=vote",
        ),
        (
            lambda: evolving(Scorer(["params"], Excitation(SHAPE)), scored_in=Chains(2)),
            InvalidArgument,
            r"\['params'\] are scores .* and costs",
        ),
        (lambda: score_objective(SPACE, pair()), InvalidArgument, "reference=scorer.reference"),
        (
            lambda: score_objective(SPACE, norm(), BUDGET, cost="latency"),
            InvalidArgument,
            "cost='latency' has no limit",
        ),
        (lambda: score_objective(SPACE, norm(), cost="params"), InvalidArgument, "has no limit"),
        (
            lambda: score_objective(SPACE, pair(), reference=pair().reference(Chains(2), size=5)),
            ReferenceMismatch,
            "drawn from space 'chains-2'",
        ),
        (
            lambda: score_objective(SPACE, pair(), reference=norm().reference(SPACE, size=5)),
            ReferenceMismatch,
            "settings",
        ),
    ],
)  # fmt: skip
def test_wrong_arguments(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_wrong_direction() -> None:
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    with pytest.raises(InvalidArgument, match=r"create it with \['maximize'\]"):
        study.optimize(score_objective(SPACE, norm()), n_trials=1)


def test_front_of_a_cost_without_limit() -> None:
    study = optuna.create_study(sampler=evolving(by=FrontEvolution("latency")))
    with pytest.raises(InvalidArgument, match="'latency' is not among the budget's"):
        study.optimize(untrained, n_trials=2)


def test_a_trial_costs_no_more_after_many() -> None:
    """Beyond what the storage's list of trials does: no trial is read twice."""

    class Counted(Chains):
        reads = 0

        def suggest(self, trial: Any) -> Any:
            Counted.reads += 1
            return super().suggest(trial)

    space = Counted()
    sampler = EvolutionSampler(space, norm(), by=ZEN)
    study = optuna.create_study(sampler=sampler)

    def objective(trial: optuna.Trial) -> float:
        space.suggest(trial)
        return 0.0

    counts = []
    for _ in range(3):
        before = Counted.reads
        study.optimize(objective, n_trials=20)
        counts.append(Counted.reads - before)
    assert counts[1] == counts[2]


def test_brackets_of_hyperband() -> None:
    """Each trial is a member, whichever bracket it is in."""
    sampler = evolving(by=ZEN)
    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9)
    study = optuna.create_study(sampler=sampler, pruner=pruner)
    study.optimize(untrained, n_trials=20)
    alone = optuna.create_study(sampler=evolving(by=ZEN))
    alone.optimize(untrained, n_trials=20)
    assert texts(study) == texts(alone)
