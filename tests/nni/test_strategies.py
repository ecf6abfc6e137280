"""Pools of which the best are trained, and evolution whose children are screened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nni
import numpy as np
import pytest

from zc_plugins import Budget, recipes
from zc_plugins.errors import InvalidArgument, NothingScored
from zc_plugins.nni import (
    FilterThenTrainStrategy,
    NniSpace,
    ZeroCostEvolution,
    ZeroCostStrategy,
    echoed,
)
from zc_plugins.nni.report import sample_text
from zc_plugins.predictors import Fitted
from zc_plugins.predictors.gaussian_process import gaussian_process
from zc_plugins.predictors.ridge import ridge
from zc_plugins.predictors.warm_start import warm_start
from zc_plugins.scores import ScoreTable

from .spaces import Nested, Unbuildable, parameters, sample_of_run, size, train


def functional(function: Callable[..., None], **arguments: Any) -> Any:
    from nni.nas.evaluator import FunctionalEvaluator

    return FunctionalEvaluator(function, **arguments)


def evolution(**options: Any) -> ZeroCostEvolution:
    options = {"population": 3, "tournament": 2, "pool": 8, "candidates": 3, **options}
    return ZeroCostEvolution(options.pop("scorer", size()), **options)


def pool(**options: Any) -> ZeroCostStrategy:
    return ZeroCostStrategy(options.pop("scorer", size()), **{"top": 6, "pool": 27, **options})


def filtered(**options: Any) -> FilterThenTrainStrategy:
    options = {"first": 2, "pool": 27, "neighbours": 5, **options}
    return FilterThenTrainStrategy(options.pop("scorer", size()), **options)


STRATEGIES: dict[str, Callable[..., Any]] = {
    "pool": pool, "evolution": evolution, "filter": filtered,
}  # fmt: skip


def scored(strategy: Any) -> int:
    """Networks that the strategy's scorer has scored."""
    return int(getattr(strategy, "_pool", strategy).scorer.scored)


def test_the_best_of_the_pool_are_trained_best_first(run: Callable[..., Any]) -> None:
    trained: list[float] = []

    def evaluate(model: Any) -> None:
        trained.append(parameters(model))
        nni.report_final_result(trained[-1])

    experiment = run(
        Nested(), functional(evaluate), ZeroCostStrategy(size(), top=4, pool=200), trials=99
    )
    assert trained == sorted(trained, reverse=True)
    assert len(trained) == 4
    every = {repr(n): parameters(n) for n in _networks(Nested())}
    assert trained == sorted(every.values(), reverse=True)[:4]
    assert [m.metric for m in experiment.export_top_models(9)] == trained


def _networks(space: Any) -> list[Any]:
    from nni.nas.space import SimplifiedModelSpace

    whole = SimplifiedModelSpace.from_model(space)
    return [model.executable_model() for model in whole.grid()]


@pytest.mark.parametrize("name", STRATEGIES)
def test_no_network_is_trained_twice(run: Callable[..., Any], name: str) -> None:
    """Of 27 samples, 18 differ from others only in a depth that is not used: 15 networks."""
    trained: list[str] = []

    def evaluate(model: Any) -> None:
        trained.append(repr(model))
        train(model)

    options = {"top": 27, "pool": 200} if name == "pool" else {"pool": 200}
    run(Nested(), functional(evaluate), STRATEGIES[name](**options), trials=99)
    assert len(set(trained)) == len(trained)
    assert len(trained) == 15


@pytest.mark.parametrize("name", ["pool", "evolution"])
def test_labels_of_the_evaluator_make_another_training(run: Callable[..., Any], name: str) -> None:
    trained: list[tuple[str, int]] = []

    def evaluate(model: Any, epochs: int) -> None:
        trained.append((repr(model), epochs))
        train(model)

    evaluator = functional(evaluate, epochs=nni.choice("epochs", [1, 2]))
    strategy = (
        evolution(pool=300) if name == "evolution" else ZeroCostStrategy(size(), top=54, pool=300)
    )
    run(Nested((4, 8)), evaluator, strategy, trials=99)
    assert len(set(trained)) == len(trained) == 20


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_budget_ends_it(run: Callable[..., Any], name: str) -> None:
    experiment = run(Nested(), functional(train), STRATEGIES[name](), trials=5)
    assert len(experiment.export_top_models(99)) == 5


def test_children_are_screened(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest of the children is trained, unless its network was already."""
    children: dict[int, list[float]] = {}
    strategy = evolution(candidates=9, pool=3, half_life=None)
    propose = strategy._children

    def noted(parent: Any, trained: int) -> Any:
        proposed = propose(parent, trained)
        networks = [strategy._space.build(strategy._space.of(child)) for child in proposed]
        children[len(strategy._trainings.results())] = [parameters(n) for n in networks]
        return proposed

    monkeypatch.setattr(strategy, "_children", noted)
    run(Nested(), functional(train), strategy, trials=6)
    metrics = [m.metric for m in strategy.list_models(sort=False)]
    for step in range(3, 6):
        assert metrics[step] == max(set(children[step]) - set(metrics[:step]))
    assert max(metrics) == max(parameters(n) for n in _networks(Nested()))


@pytest.mark.parametrize("name", STRATEGIES)
def test_constrained_space(run: Callable[..., Any], name: str) -> None:
    """Half of the draws of NAS-Bench-101 are no cell."""
    from nni.nas.hub.pytorch import NasBench101

    space = NasBench101(stem_out_channels=4, num_stacks=1, num_modules_per_stack=1)
    scorer = recipes.size((3, 8, 8))
    options = {
        "pool": {"top": 4, "pool": 6},
        "evolution": {"population": 2, "tournament": 1, "candidates": 2, "pool": 4},
        "filter": {"pool": 6},
    }[name]
    strategy = STRATEGIES[name](scorer=scorer, **options)
    experiment = run(space, functional(train), strategy, trials=4)
    assert len(experiment.export_top_models(9)) == 4


@pytest.mark.parametrize("name", STRATEGIES)
def test_an_evaluator_that_raises(run: Callable[..., Any], name: str, tmp_path: Path) -> None:
    raised: list[Any] = []

    def evaluate(model: Any) -> None:
        if len(raised) == 2:
            raised.append(sample_of_run())
            raise RuntimeError("the GPU fell off")
        raised.append(None)
        train(model)

    experiment = run(Nested(), functional(evaluate), STRATEGIES[name](), trials=6, go_on=True)
    assert len(experiment.export_top_models(99)) == 5
    raised.clear()
    state = tmp_path / "state"
    strategy = STRATEGIES[name](autosave=state)
    with pytest.raises(RuntimeError, match="the GPU fell off"):
        run(Nested(), functional(evaluate), strategy, trials=6)
    assert len(list(strategy.list_models())) == 2, "what was trained is kept"
    later = STRATEGIES[name](autosave=state)
    experiment = run(Nested(), functional(train), later, trials=9)
    assert scored(later) < 27
    kept = {m.metric for m in strategy.list_models()}
    assert kept <= {m.metric for m in experiment.export_top_models(99)}


@pytest.mark.parametrize("name", STRATEGIES)
def test_metrics_that_are_no_numbers(run: Callable[..., Any], name: str) -> None:
    counted: list[int] = []

    def evaluate(model: Any) -> None:
        counted.append(1)
        metric = float("nan") if len(counted) % 2 else parameters(model)
        nni.report_final_result(echoed(metric))

    experiment = run(Nested(), functional(evaluate), STRATEGIES[name](), trials=6)
    assert len(counted) == 6
    assert experiment.export_top_models(1)[0].metric > 0


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_cannot_be_built_is_not_trained(run: Callable[..., Any], name: str) -> None:
    experiment = run(Unbuildable(), functional(train), STRATEGIES[name](), trials=6)
    models = experiment.export_top_models(99)
    assert len(models) == 6
    assert 16 not in {m.sample["width"] for m in models}


def test_nothing_can_be_built(run: Callable[..., Any]) -> None:
    class Never(Nested):
        def forward(self, x: Any) -> Any:
            raise ValueError("never")

    with pytest.raises(NothingScored, match="never"):
        run(Never(), functional(train), ZeroCostStrategy(size(), top=2, pool=4))


@pytest.mark.parametrize("name", STRATEGIES)
def test_resume(run: Callable[..., Any], name: str) -> None:
    first = run(Nested(), functional(train), STRATEGIES[name](), trials=3)
    first.stop()
    trained: list[str] = []

    def evaluate(model: Any) -> None:
        trained.append(sample_text(sample_of_run()))
        train(model)

    strategy = STRATEGIES[name]()
    second = run(Nested(), functional(evaluate), strategy, trials=6, id=first.id)
    earlier = {sample_text(m.sample) for m in first.strategy.list_models()}
    assert len(trained) == 3
    assert not earlier & set(trained)
    every = {sample_text(m.sample) for m in second.export_top_models(99)}
    assert every == earlier | set(trained)


@pytest.mark.parametrize("other", ["Random", "RegularizedEvolution"])
def test_strategies_of_nni_resume(run: Callable[..., Any], other: str) -> None:
    from nni.nas import strategy

    first = run(Nested(), functional(train), getattr(strategy, other)(), trials=3)
    first.stop()
    second = run(Nested(), functional(train), getattr(strategy, other)(), trials=6, id=first.id)
    assert len(second.export_top_models(99)) == 3


KILLED = """
import sys, time
from nni.nas.evaluator import FunctionalEvaluator
from tests.nni import spaces, test_strategies
from zc_plugins.nni import *
from nni.nas.experiment import NasExperiment
from nni.nas.experiment.config import NasExperimentConfig

def train(model):
    spaces.train(model)
    print("trained", flush=True)
    time.sleep(0.3)

config = NasExperimentConfig("sequential", "simplified", "local")
config.max_trial_number = 6
config.experiment_working_directory = sys.argv[2]
strategy = test_strategies.STRATEGIES[sys.argv[1]](autosave=sys.argv[3])
NasExperiment(spaces.Nested(), FunctionalEvaluator(train), strategy, config=config).run(1)
"""


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_killed_run_goes_on(
    run: Callable[..., Any], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "autosave"
    command = [sys.executable, "-c", KILLED, name, str(tmp_path / "experiments"), str(state)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout:
        for line in child.stdout:
            if "trained" in line:
                break
        for line in child.stdout:
            if "trained" in line:
                break
        for line in child.stdout:
            if "trained" in line:
                os.kill(child.pid, signal.SIGKILL)
                break
    child.wait()
    trained: list[str] = []

    def evaluate(model: Any) -> None:
        trained.append(sample_text(sample_of_run()))
        train(model)

    strategy = STRATEGIES[name](autosave=state)
    experiment = run(Nested(), functional(evaluate), strategy, trials=4)
    assert scored(strategy) <= 3 * 4, "the pool is not scored again"
    every = [sample_text(m.sample) for m in experiment.export_top_models(99)]
    assert len(set(every)) == len(every) == 6
    assert set(trained) < set(every)
    assert len(trained) == 4


@pytest.mark.parametrize("name", STRATEGIES)
def test_what_ended_last_is_kept_where_the_engine_dies(name: str, tmp_path: Path) -> None:
    from nni.nas.execution import SequentialExecutionEngine
    from nni.nas.execution.event import FinalMetricEvent, TrainingEndEvent
    from nni.nas.space import ModelStatus, SimplifiedModelSpace

    class Dying(SequentialExecutionEngine):  # type: ignore[misc]
        """Tells of its first model's end, and no more."""

        def submit_models(self, *models: Any) -> None:
            self._history.extend(models)

        def idle_worker_available(self) -> bool:
            for model in self._history:
                self.dispatch_model_event(FinalMetricEvent(model, 0.7))
                self.dispatch_model_event(TrainingEndEvent(model, ModelStatus.Trained))
                raise RuntimeError("out of memory")
            return True

    space = SimplifiedModelSpace.from_model(Nested())
    with pytest.raises(RuntimeError, match="out of memory"):
        STRATEGIES[name](autosave=tmp_path / "state")(space, Dying())
    later = STRATEGIES[name](autosave=tmp_path / "state")
    later.initialize(space, SequentialExecutionEngine())
    assert [metric for _, metric, _ in later.state_dict()["trained"]] == [0.7]


@pytest.mark.slow
def test_a_manager_that_is_killed(
    run: Callable[..., Any], port: int, tmp_path: Path, nni_home: Path
) -> None:
    """The trial that runs then ends, too: the fixture looks for processes."""
    script, state = Path(__file__).with_name("killed_manager.py"), tmp_path / "state"
    command = [sys.executable, str(script), str(port), str(tmp_path / "service"), str(state)]
    killed = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=150, check=False)
    assert killed.returncode == 1
    last = killed.stderr.splitlines()[-1]
    assert "ManagerDied: NNI's manager has ended with code -9 in mid-run" in last
    strategy = ZeroCostStrategy(size(), top=4, pool=27, autosave=state)
    experiment = run(Nested(), functional(train), strategy, trials=3)
    assert strategy._pool.scorer.scored == 0
    assert len(experiment.export_top_models(9)) == 4, "one was trained before, three are now"


def test_children_grow_fewer_as_trainings_finish(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: dict[int, int] = {}
    strategy = evolution(candidates=4, pool=3, half_life=2)
    propose = strategy._children

    def noted(parent: Any, trained: int) -> Any:
        proposed = propose(parent, trained)
        counts[trained] = len(proposed)
        return proposed

    monkeypatch.setattr(strategy, "_children", noted)
    run(Nested(), functional(train), strategy, trials=8)
    assert counts[3] == round(4 / 2**1.5)
    assert counts[7] == 1


def test_wrong_arguments() -> None:
    with pytest.raises(InvalidArgument, match="half_life=0"):
        evolution(half_life=0)
    with pytest.raises(InvalidArgument, match="top=5, pool=3"):
        ZeroCostStrategy(size(), top=5, pool=3)
    with pytest.raises(InvalidArgument, match="tournament=9"):
        evolution(tournament=9)
    with pytest.raises(InvalidArgument, match="first=1, pool=27"):
        filtered(first=1)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_state_of_another_space_or_scorer_is_refused(
    run: Callable[..., Any], name: str, tmp_path: Path
) -> None:
    make, state = STRATEGIES[name], tmp_path / "state"
    run(Nested(), functional(train), make(autosave=state), trials=2)
    with pytest.raises(InvalidArgument, match="another path as autosave"):
        run(Nested((4, 8)), functional(train), make(autosave=state), trials=2)
    other = recipes.az_nas((3, 8, 8), batch_size=4)
    with pytest.raises(InvalidArgument, match="another path as autosave"):
        run(Nested(), functional(train), make(scorer=other, autosave=state), trials=2)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_checkpoint_of_the_start_takes_nothing_back(run: Callable[..., Any], name: str) -> None:
    strategy = STRATEGIES[name]()
    run(Nested(), functional(train), strategy, trials=3)
    kept = strategy.state_dict()
    start = {"of": [], "ranked": [], "scores": (), "trained": [], "twins": [], "generator": {}}
    strategy.load_state_dict(start)
    # A table equals none but itself.
    assert all(v is kept[k] or v == kept[k] for k, v in strategy.state_dict().items())


def test_rejected_models_do_not_count_as_the_best(run: Callable[..., Any]) -> None:
    from nni.nas.strategy.middleware import Chain, Filter

    seen: list[int] = []

    def second_on(model: Any) -> bool:
        seen.append(1)
        return len(seen) > 3

    strategy = ZeroCostStrategy(size(), top=2, pool=27)
    run(Nested(), functional(train), Chain(strategy, Filter(second_on)), trials=9)
    assert len(seen) == 5
    assert len(list(strategy.list_models())) == 2


def test_without_a_metric_evolution_goes_down_the_pool(run: Callable[..., Any]) -> None:
    trained: list[int] = []

    def silent(model: Any) -> None:
        trained.append(1)
        nni.report_final_result(float("nan"))

    run(Nested(), functional(silent), evolution(), trials=6)
    assert len(trained) == 6


def narrow(model: Any) -> None:
    """The scores prefer large networks; the smallest is the best."""
    nni.report_final_result(echoed(-parameters(model)))


def test_trainings_outvote_the_scores(run: Callable[..., Any]) -> None:
    """Of 15 networks, 8 are trained: the two largest first, and the smallest among the rest."""
    experiment = run(Nested(), functional(narrow), filtered(pool=200), trials=8)
    metrics = [m.metric for m in experiment.strategy.list_models(sort=False)]
    every = {repr(n): parameters(n) for n in _networks(Nested())}
    sizes = sorted(every.values(), reverse=True)
    assert [-metric for metric in metrics[:2]] == sizes[:2]
    assert -max(metrics) == sizes[-1]


class Noted:
    """A Gaussian process that learns from ``least`` trainings on, and notes how many it had."""

    def __init__(self, least: int = 3) -> None:
        self.least, self.had = least, list[int]()

    def fit(self, table: ScoreTable, accuracy: Any) -> Fitted:
        if len(table) < self.least:
            raise InvalidArgument(f"{len(table)} trainings: train {self.least}")
        assert all(table.parameters)
        self.had.append(len(table))
        return gaussian_process().fit(table, accuracy)


def test_a_predictor_learns_once_it_can(run: Callable[..., Any], tmp_path: Path) -> None:
    noted, state = Noted(), tmp_path / "state"
    strategy = filtered(pool=200, predictor=noted, autosave=state)
    run(Nested(), functional(narrow), strategy, trials=5)
    assert set(noted.had) == {3, 4}
    again = Noted()
    strategy = filtered(pool=200, predictor=again, autosave=state)
    experiment = run(Nested(), functional(narrow), strategy, trials=3)
    assert set(again.had) == {5, 6, 7}
    assert scored(strategy) == 0, "all 27 are known"
    assert len(experiment.export_top_models(99)) == 8
    with pytest.raises(InvalidArgument, match="train 1000"):
        run(Nested(), functional(narrow), filtered(pool=200, predictor=Noted(1000)), trials=15)


def test_a_warm_start_leads_from_the_second_training_on(run: Callable[..., Any]) -> None:
    space = NniSpace(Nested())
    architectures = [space.sample(np.random.default_rng(seed)) for seed in range(20)]
    table = size().score(architectures, space=space)
    there = ridge().fit(table, -table.column("params") / 7)
    strategy = filtered(pool=200, predictor=warm_start(there, ridge()))
    experiment = run(Nested(), functional(narrow), strategy, trials=3)
    third = list(experiment.strategy.list_models(sort=False))[2]
    assert -third.metric == min(parameters(n) for n in _networks(Nested()))


def test_labels_of_the_evaluator_are_drawn(run: Callable[..., Any]) -> None:
    trained: list[tuple[str, int]] = []

    def evaluate(model: Any, epochs: int) -> None:
        trained.append((repr(model), epochs))
        train(model)

    evaluator = functional(evaluate, epochs=nni.choice("epochs", [1, 2]))
    run(Nested((4, 8)), evaluator, filtered(), trials=99)
    assert len({network for network, _ in trained}) == len(trained) == 10
    assert {epochs for _, epochs in trained} == {1, 2}


def test_a_budget_of_the_filter(run: Callable[..., Any]) -> None:
    budget = Budget((3, 8, 8), params=400)
    experiment = run(Nested(), functional(train), filtered(budget=budget), trials=99)
    metrics = [m.metric for m in experiment.export_top_models(99)]
    sizes = {repr(n): parameters(n) for n in _networks(Nested())}
    assert sorted(metrics) == sorted(size for size in sizes.values() if size <= 400)


def test_several_at_a_time(tmp_path: Path) -> None:
    """An engine of two workers that end in pairs: nothing is submitted twice, all are told."""
    from nni.nas.execution import SequentialExecutionEngine
    from nni.nas.execution.event import FinalMetricEvent, TrainingEndEvent
    from nni.nas.space import ModelStatus, SimplifiedModelSpace

    pending: list[Any] = []

    class Pairs(SequentialExecutionEngine):  # type: ignore[misc]
        def submit_models(self, *models: Any) -> None:
            self._history.extend(models)
            pending.extend(models)

        def idle_worker_available(self) -> bool:
            if len(pending) == 2:
                self._end()
            return True

        def budget_available(self) -> bool:
            return len(self._history) < 10

        def wait_models(self, *_: Any) -> None:
            self._end()

        def _end(self) -> None:
            for model in pending:
                size = parameters(model.executable_model())
                self.dispatch_model_event(FinalMetricEvent(model, size))
                self.dispatch_model_event(TrainingEndEvent(model, ModelStatus.Trained))
            pending.clear()

    strategy = filtered(autosave=tmp_path / "state")
    strategy(SimplifiedModelSpace.from_model(Nested()), Pairs())
    texts = [sample_text(sample) for sample, _, _ in strategy.state_dict()["trained"]]
    assert len(set(texts)) == len(texts) == 10


@pytest.mark.slow
def test_the_filter_on_the_training_service(run: Callable[..., Any]) -> None:
    """Trials are processes of NNI's manager, which tell their metrics by way of it."""
    strategy = filtered(pool=200, predictor=Noted())
    experiment = run(Nested(), functional(train), strategy, trials=5, on="ts")
    models = experiment.export_top_models(99)
    assert len({sample_text(model.sample) for model in models}) == 5
    assert models[0].metric == max(parameters(n) for n in _networks(Nested()))
