"""Metrics that NNI gives to the wrong model, and the warning beforehand."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from zc_plugins.nni import _trainings
from zc_plugins.nni._service import warn_of_concurrency
from zc_plugins.nni.report import SAMPLE, echoed, sample_text

from .spaces import Nested

A = {"width": 4, "middle": "conv", "depth": 1}
B = {"width": 8, "middle": "conv", "depth": 1}


@pytest.fixture
def engine() -> Any:
    """One that runs nothing: the tests tell of events."""
    from nni.nas.execution import SequentialExecutionEngine

    class Idle(SequentialExecutionEngine):  # type: ignore[misc]
        def submit_models(self, *models: Any) -> None:
            self._history.extend(models)

    return Idle()


@pytest.fixture
def trainings(engine: Any) -> Any:
    from nni.nas.space import SimplifiedModelSpace

    made = _trainings.Trainings(SimplifiedModelSpace.from_model(Nested()), engine)
    made.submit(A)
    made.submit(B)
    return made


def metric(engine: Any, place: int, value: Any) -> None:
    from nni.nas.execution.event import FinalMetricEvent

    engine.dispatch_model_event(FinalMetricEvent(engine._history[place], value))


def end(engine: Any, place: int, status: str = "Trained") -> None:
    from nni.nas.execution.event import TrainingEndEvent
    from nni.nas.space import ModelStatus

    engine.dispatch_model_event(TrainingEndEvent(engine._history[place], ModelStatus[status]))


def test_results_in_the_order_of_their_end(engine: Any, trainings: Any) -> None:
    assert trainings.running == 2
    metric(engine, 1, 0.8)
    end(engine, 1)
    metric(engine, 0, {"default": 0.7})
    end(engine, 0)
    assert trainings.results() == [(B, 0.8), (A, 0.7)]
    assert trainings.running == 0


def test_swapped_metrics_are_put_right(
    engine: Any, trainings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        metric(engine, 0, {"default": 0.8, SAMPLE: sample_text(B)})
        metric(engine, 1, {"default": 0.7, SAMPLE: sample_text(A)})
    end(engine, 0)
    end(engine, 1)
    assert trainings.results() == [(A, 0.7), (B, 0.8)]
    assert caplog.text.count("it is put right") == 2


def test_the_metric_of_an_unknown_sample_is_dropped(engine: Any, trainings: Any) -> None:
    metric(engine, 0, {"default": 0.8, SAMPLE: sample_text({**A, "width": 16})})
    end(engine, 0)
    assert trainings.results() == []


def test_the_end_may_be_told_first(engine: Any, trainings: Any) -> None:
    end(engine, 0)
    assert trainings.results() == []
    metric(engine, 0, 0.7)
    assert trainings.results() == [(A, 0.7)]


def test_an_interrupted_model_counts_as_never_submitted(engine: Any, trainings: Any) -> None:
    end(engine, 0, "Interrupted")
    end(engine, 1, "Failed")
    assert trainings.state() == {"trained": [(B, None, "failed")]}


def test_a_metric_that_is_still_to_come_is_not_kept_as_missing(
    engine: Any, trainings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    end(engine, 0)
    end(engine, 1, "Invalid")
    assert trainings.state() == {"trained": [(B, None, "invalid")]}
    assert trainings.admitted == 1
    monkeypatch.setattr(_trainings, "SETTLING", 1)
    trainings.settle()
    metric(engine, 0, 0.7)
    assert trainings.state()["trained"][0] == (A, 0.7, "trained")


def test_what_was_rejected_comes_back_as_rejected(engine: Any, trainings: Any) -> None:
    metric(engine, 0, 0.0)
    end(engine, 0, "Invalid")
    again = _trainings.Trainings(trainings._space, engine)
    again.load(trainings.state())
    assert again.has(A)
    assert list(again.restored()) == []


def test_listed_models_have_the_metric_that_was_put_right(engine: Any, trainings: Any) -> None:
    for place, (value, sample) in enumerate(((0.2, B), (0.9, A))):
        metric(engine, place, {"default": value, SAMPLE: sample_text(sample)})
        end(engine, place)
    models = list(_trainings.listed(iter(engine._history), trainings, True, None))
    assert [(m.sample, m.metric) for m in models] == [(A, 0.9), (B, 0.2)]


def test_nothing_is_heard_after_closing(engine: Any, trainings: Any) -> None:
    trainings.close()
    metric(engine, 0, 0.7)
    end(engine, 0)
    assert trainings.running == 2


def test_concurrency_on_the_training_service_is_warned_of() -> None:
    from nni.nas.execution.training_service import TrainingServiceExecutionEngine
    from nni.nas.strategy.middleware import Filter

    engine = object.__new__(TrainingServiceExecutionEngine)
    engine.nodejs_binding = SimpleNamespace(config=SimpleNamespace(trial_concurrency=1))
    warn_of_concurrency(engine)
    engine.nodejs_binding.config.trial_concurrency = 2
    behind = Filter(bool)
    behind._engine = engine
    with pytest.warns(UserWarning, match="trial_concurrency=2"):
        warn_of_concurrency(behind)


def test_outside_of_a_run_there_is_no_sample() -> None:
    assert echoed(0.5)["default"] == 0.5
