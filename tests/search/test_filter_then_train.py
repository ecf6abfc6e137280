"""Filter, then train a few: on chains of layers whose accuracy we make up."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from tests.search.chains import Chain, Chains
from zc_plugins import Budget, Excitation, Scorer, recipes
from zc_plugins.cache import ScoreCache
from zc_plugins.errors import InvalidArgument, NothingScored, ReferenceMismatch
from zc_plugins.predictors import Prediction
from zc_plugins.predictors.gaussian_process import gaussian_process
from zc_plugins.predictors.ridge import ridge
from zc_plugins.predictors.warm_start import warm_start
from zc_plugins.scores import ScoreTable
from zc_plugins.search import FilterThenTrain, Training
from zc_plugins.search._learned import Learned, expected_improvement
from zc_plugins.search._lessons import MOST, telling
from zc_plugins.spaces.module import ModuleSpace

SHAPE = (4,)
SPACE = Chains()


def size() -> Scorer:
    return recipes.size(SHAPE)


def course(**options: Any) -> FilterThenTrain:
    return FilterThenTrain(SPACE, size(), **{"pool": 60, **options})


def accuracy(chain: Chain) -> float:
    """Size helps, but a third layer of five is best of all."""
    return sum(chain) / 4 - 3 * abs(chain[2] - 5)


def trained(
    steps: FilterThenTrain, count: int, truth: Callable[[Chain], float] = accuracy
) -> list[Training]:
    """That many proposals, each trained to its end."""
    trainings: list[Training] = []
    for turn in range(count):
        proposal = steps.propose(trainings, turn=turn)
        assert proposal is not None
        trainings.append(Training(proposal[0], truth(proposal[0])))
    return trainings


def test_the_best_of_the_pool_come_first() -> None:
    first = [training.architecture for training in trained(course(first=4), 4)]
    sample = [SPACE.sample(rng) for rng in [np.random.default_rng([0, 0])] for _ in range(60)]
    best = sorted({SPACE.flops(c, SHAPE) for c in sample}, reverse=True)[:4]
    assert [SPACE.flops(chain, SHAPE) for chain in first] == best


def test_trainings_lead_on_where_scores_do_not() -> None:
    def reached(seed: int) -> float:
        return max(accuracy(t.architecture) for t in trained(course(seed=seed), 25))

    def drawn(seed: int) -> float:
        rng = np.random.default_rng(seed)
        return max(accuracy(SPACE.sample(rng)) for _ in range(25))

    # The best is 29 / 4; a random 25 lie about two points below.
    assert np.mean([reached(seed) for seed in range(4)]) > 6.8
    assert np.mean([drawn(seed) for seed in range(50)]) < 6.5


def test_misleading_scores_are_outvoted() -> None:
    best = max(-sum(t.architecture) for t in trained(course(), 25, lambda chain: -sum(chain)))
    assert best >= -6


def test_nothing_is_proposed_twice_nor_while_it_is_trained() -> None:
    steps = course(first=2)
    trainings = trained(steps, 12)
    keys = [SPACE.encode(t.architecture) for t in trainings]
    assert len(set(keys)) == 12
    proposal = steps.propose(trainings, turn=12)
    assert proposal is not None
    again = steps.propose(trainings, [steps.key(proposal[0])], turn=12)
    assert again is not None
    assert again[0] != proposal[0]


def test_the_same_evidence_gives_the_same_proposal() -> None:
    one, other = trained(course(seed=3), 8), trained(course(seed=3), 8)
    assert one == other
    assert one != trained(course(seed=4), 8)


def test_scores_come_with_the_proposal() -> None:
    proposal = course().propose([])
    assert proposal is not None
    assert proposal[1].column("complexity")[0] == SPACE.flops(proposal[0], SHAPE)


def test_what_stopped_trainings_had_reached_is_learned_from() -> None:
    """All are stopped, so nothing else can tell that the third layer matters."""
    steps = course(first=2)
    trainings: list[Training] = []
    for turn in range(30):
        proposal = steps.propose(trainings, turn=turn)
        assert proposal is not None
        value = accuracy(proposal[0])
        trainings.append(Training(proposal[0], math.nan, {1: value / 2, 2: value / 2 + 1}))
    late = [accuracy(t.architecture) for t in trainings[10:]]
    early = [accuracy(t.architecture) for t in trainings[:10]]
    assert np.mean(late) > np.mean(early) + 1


def test_short_trainings_and_whole_ones_together() -> None:
    steps = course(first=2)
    trainings: list[Training] = []
    for turn in range(30):
        proposal = steps.propose(trainings, turn=turn)
        assert proposal is not None
        value = accuracy(proposal[0])
        whole = value if turn % 4 == 0 else math.nan
        trainings.append(Training(proposal[0], whole, {1: value / 2}))
    assert max(accuracy(t.architecture) for t in trainings) > 6.5


def test_a_second_training_that_fails_takes_nothing_away() -> None:
    def next_after(last: list[Training]) -> Any:
        steps = course(first=2)
        known = [Training(c, math.nan, {1: accuracy(c)}) for c in first]
        return steps.propose([*known, *last], turn=20)

    rng = np.random.default_rng(0)
    first = [SPACE.sample(rng) for _ in range(14)]
    plain, again = next_after([]), next_after([Training(first[0]), Training(first[1])])
    assert plain is not None
    assert again is not None
    assert plain[0] == again[0]


def test_failed_and_unreported_trainings_teach_nothing_but_are_not_repeated() -> None:
    steps = course(first=2)
    trainings = [Training(steps.propose([])[0])]  # type: ignore[index]
    proposal = steps.propose(trainings)
    assert proposal is not None
    assert proposal[0] != trainings[0].architecture


def test_a_budget_holds_for_pool_and_neighbours() -> None:
    budget = Budget(SHAPE, params=90)
    for training in trained(course(budget=budget, first=2), 12):
        assert SPACE.params(training.architecture) <= 90
    with pytest.raises(NothingScored, match="admits none of 60 drawn architectures"):
        course(budget=Budget(SHAPE, params=1)).propose([])


def test_the_end_of_a_small_space() -> None:
    def build(trial: Any) -> Any:
        from torch import nn

        width = trial.suggest_int("width", 1, 6)
        if width == 3:
            raise ValueError("three is out of stock")
        return nn.Linear(4, width)

    space = ModuleSpace(build)
    steps = FilterThenTrain(space, size(), pool=20, first=2)
    trainings: list[Training] = []
    while (proposal := steps.propose(trainings, turn=len(trainings))) is not None:
        trainings.append(Training(proposal[0], float(proposal[0].params["width"])))
    assert sorted(t.value for t in trainings) == [1, 2, 4, 5, 6]


def test_workers_that_share_a_cache_score_the_pool_by_parts(tmp_path: Path) -> None:
    """Each in an order of its own; the tables are the same."""

    class Slow(Chains):
        def build(self, architecture: Chain) -> nn.Module:
            time.sleep(0.02)
            return super().build(architecture)

    scorers = [size(), size()]
    for scorer in scorers:
        scorer.cache = ScoreCache(tmp_path / "scores.sqlite3")
    steps = [FilterThenTrain(Slow(), scorer, pool=60) for scorer in scorers]
    threads = [threading.Thread(target=step.score_pool) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pool = len(steps[0].table)
    assert pool <= sum(scorer.scored for scorer in scorers) < 1.5 * pool
    assert steps[0].table.candidates == steps[1].table.candidates
    np.testing.assert_array_equal(steps[0].table.values, steps[1].table.values)


def test_what_another_worker_trains_is_not_proposed_when_bred_either() -> None:
    """The other's proposal may be a neighbour that this worker meets in this very turn."""
    mine, other = course(), course()
    trainings = trained(mine, 3)
    proposal = other.propose(trainings, turn=3)
    assert proposal is not None
    key = other.key(proposal[0])
    assert key not in mine._places
    again = mine.propose(trainings, {key}, turn=3)
    assert again is not None
    assert mine.key(again[0]) != key


def test_another_predictor() -> None:
    class Asked:
        fitted = 0

        def fit(self, table: Any, values: Any) -> Any:
            Asked.fitted += 1
            return gaussian_process().fit(table, values)

    trained(course(first=2, predictor=Asked()), 6)
    assert Asked.fitted == 4


def test_only_what_is_left_is_predicted() -> None:
    """A long study's trained ones would take longer than all else."""
    asked: list[set[str]] = []

    class Told:
        def fit(self, table: Any, values: Any) -> Any:
            trained = set(table.candidates)
            fitted = gaussian_process().fit(table, values)

            class Fitted:
                def predict(self, candidates: ScoreTable) -> Prediction:
                    asked.append(set(candidates.candidates))
                    assert not asked[-1] & trained
                    return fitted.predict(candidates)

            return Fitted()

    trained(course(first=2, predictor=Told()), 6)
    assert [len(candidates) >= 58 for candidates in asked] == [True] * 4


def test_a_predictor_that_needs_more_trainings_waits() -> None:
    class Late:
        least, fitted = 5, 0

        def fit(self, table: Any, values: Any) -> Any:
            if len(table) < self.least:
                raise InvalidArgument("train more")
            Late.fitted += 1
            return gaussian_process().fit(table, values)

    trained(course(first=2, predictor=Late()), 8)
    assert Late.fitted == 3
    Late.least = 1000
    with pytest.raises(InvalidArgument, match="train more"):
        trained(course(first=2, predictor=Late()), 12)


def test_a_committee_in_the_loop() -> None:
    from zc_plugins.predictors.random_forest import random_forest

    trees = random_forest(["scores", "parameters"], trees=20)
    best = max(accuracy(t.architecture) for t in trained(course(predictor=trees), 16))
    assert best > 3


def test_expected_improvement() -> None:
    mean, std = np.array([0.0, 1.0, -3.0]), np.array([1.0, 2.0, 0.5])
    draws = mean + std * np.random.default_rng(0).normal(size=(400_000, 3))
    wanted = np.maximum(draws - 0.5, 0).mean(axis=0)
    found = expected_improvement(Prediction(mean, std), 0.5)
    np.testing.assert_allclose(found, wanted, rtol=0.02, atol=1e-4)


@pytest.mark.parametrize("options", [{"first": 1}, {"first": 61}, {"neighbours": -1}, {"seed": -1}])
def test_numbers_out_of_range(options: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument, match="pass 2 <= first <= pool"):
        course(**options)


def test_a_scorer_that_can_read_nothing() -> None:
    scorer = Scorer(["jacov"], Excitation((5,)))
    with pytest.raises(NothingScored, match="could be scored"):
        FilterThenTrain(SPACE, scorer, pool=5, first=2).propose([])


def test_dead_networks_are_no_trainings_to_learn_from() -> None:
    """Ten of which four live: a predictor that needs five waits, and nothing stops."""
    table = ScoreTable([str(n) for n in range(12)], np.arange(12.0)[:, None], ["size"])
    dead = ScoreTable(
        table.candidates, table.values, ["size"], degenerate=[place >= 4 for place in range(12)]
    )
    values = {place: float(place) for place in range(10)}
    assert Learned.of(ridge(), dead, values) is None
    learned = Learned.of(ridge(), table, values)
    assert learned is not None
    assert learned.best == 9
    assert learned.improvement(table).argmax() >= 10


def test_a_warm_start_leads_from_the_second_training_on() -> None:
    """Accuracies against the scores, as they were on another data set, in another unit."""

    def truth(chain: Chain) -> float:
        return -float(sum(chain))

    rng = np.random.default_rng(1)
    chains = [SPACE.sample(rng) for _ in range(40)]
    table = size().score(chains, space=SPACE)
    there = ridge(["parameters"]).fit(table, np.array([7 + 0.1 * truth(c) for c in chains]))
    cold, warm = ridge(["parameters"]), warm_start(there, ridge(["parameters"]))
    first, *others = (trained(course(first=2, predictor=p), 4, truth) for p in (cold, warm))
    assert first[:2] == others[0][:2]
    late = [[t.value for t in trainings[2:]] for trainings in (first, others[0])]
    assert max(late[0]) < min(late[1])
    assert min(late[1]) >= max(truth(SPACE.sample(rng)) for _ in range(20))


def test_a_warm_start_of_other_scores_is_refused_at_once() -> None:
    table = ScoreTable("abcdef", np.arange(6.0)[:, None], ["zen_score"])
    there = ridge().fit(table, np.arange(6.0))
    with pytest.raises(ReferenceMismatch, match="zen_score"):
        trained(course(first=2, predictor=warm_start(there, ridge())), 3)


def test_of_many_trainings_the_highest_first_and_last_teach() -> None:
    rng = np.random.default_rng(0)
    values = dict(enumerate(rng.normal(size=MOST + 300).tolist()))
    kept = telling(values)
    assert len(kept) == MOST
    assert list(kept) == sorted(kept)
    highest = sorted(values, key=lambda place: -values[place])[: MOST // 2]
    assert set(highest) <= kept.keys()
    assert {0, 1, 2, MOST + 297, MOST + 298, MOST + 299} <= kept.keys()
    few = dict(list(values.items())[:MOST])
    assert telling(few) == few
