"""The models that a strategy had trained, told apart by their samples."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from nni.nas.execution import ExecutionEngine
from nni.nas.execution.event import FinalMetricEvent, ModelEventType, TrainingEndEvent
from nni.nas.space import ExecutableModelSpace, ModelStatus

from zc_plugins.nni._service import warn_of_concurrency
from zc_plugins.nni.report import SAMPLE, sample_text

_logger = logging.getLogger(__name__)

SETTLING = 50
"""Tenths of a second to wait for late events."""


class Trainings:
    """Submits each sample once, holds on to the models, and keeps what came of them.

    NNI's training service mixes up trials and parameters unless the strategy holds the models that
    it submitted; events come from another thread there.

    Args:
        model_space: of the experiment.
        engine: runs the models.

    Attributes:
        turn: a lock; held while events are taken in.
    """

    def __init__(self, model_space: ExecutableModelSpace, engine: ExecutionEngine) -> None:
        self._space, self._engine = model_space, engine
        # All by the sample's text.
        self._samples: dict[str, dict[str, Any]] = {}
        self._models: dict[str, ExecutableModelSpace] = {}
        self._reported: dict[str, float] = {}
        self._ended: dict[str, float | None] = {}
        self._status: dict[str, ModelStatus] = {}
        self._restored: list[ExecutableModelSpace] = []
        self.turn = threading.RLock()
        warn_of_concurrency(engine)
        engine.register_model_event_callback(ModelEventType.FinalMetric, self._note_metric)
        engine.register_model_event_callback(ModelEventType.TrainingEnd, self._note_end)

    def close(self) -> None:
        """Listen no more."""
        self._engine.unregister_model_event_callback(ModelEventType.FinalMetric, self._note_metric)
        self._engine.unregister_model_event_callback(ModelEventType.TrainingEnd, self._note_end)

    def has(self, sample: Mapping[str, Any]) -> bool:
        """Whether the sample was submitted, in this run or an earlier one."""
        return sample_text(sample) in self._samples

    def submit(self, sample: Mapping[str, Any]) -> None:
        """Hand the sample's model to the engine, which may train it here and now."""
        model, text = self._space.freeze(dict(sample)), sample_text(sample)
        with self.turn:
            self._samples[text], self._models[text] = dict(sample), model
        self._engine.submit_models(model)

    @property
    def running(self) -> int:
        """Models that are still being trained."""
        return len(self._samples) - len(self._ended)

    def results(self) -> list[tuple[dict[str, Any], float]]:
        """Samples with a finite metric, in the order in which they finished."""
        with self.turn:
            return [
                (self._samples[text], metric)
                for text, metric in self._ended.items()
                if metric is not None and math.isfinite(metric)
            ]

    def submitted(self) -> list[tuple[dict[str, Any], float]]:
        """All samples in the order of submission, with the metric; NaN where there is none."""
        with self.turn:
            metrics = ((sample, self._ended.get(text)) for text, sample in self._samples.items())
            return [(sample, math.nan if m is None else m) for sample, m in metrics]

    def restored(self) -> Iterator[ExecutableModelSpace]:
        """Models that an earlier run trained, which the engine of this one does not list."""
        yield from self._restored

    @property
    def admitted(self) -> int:
        """Models that were submitted and not rejected by a filter, in this run or earlier ones."""
        with self.turn:
            rejected = list(self._status.values()).count(ModelStatus.Invalid)
            return len(self._samples) - rejected

    def has_ended(self, sample: Mapping[str, Any]) -> bool:
        """Whether the sample is trained, rejected or failed."""
        return sample_text(sample) in self._ended

    def metric(self, model: ExecutableModelSpace) -> float | None:
        """The metric of a model's sample, put right where NNI gave it to another."""
        return self._ended.get(sample_text(model.sample))

    def settle(self) -> None:
        """Wait a little for what the training service has still to tell of models that ended."""
        for _ in range(SETTLING):
            with self.turn:
                if not self.running and not self._mute:
                    return
            time.sleep(0.1)

    @property
    def _mute(self) -> list[str]:
        """Trained models whose metric has not arrived."""
        return [
            text
            for text, metric in self._ended.items()
            if metric is None and self._status[text] == ModelStatus.Trained
        ]

    def state(self) -> dict[str, Any]:
        """Samples, metrics and how they ended.

        A model that is still running, or whose metric is still to come, counts as never submitted.
        """
        with self.turn:
            mute = self._mute
            done = [
                (self._samples[text], metric, self._status[text].value)
                for text, metric in self._ended.items()
                if text not in mute
            ]
        return {"trained": done}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take the trainings of an earlier run as done."""
        for sample, metric, status in state["trained"]:
            if self.has(sample):
                continue
            text = sample_text(sample)
            self._samples[text], self._ended[text] = dict(sample), metric
            self._status[text] = ModelStatus(status)
            if metric is not None and self._status[text] == ModelStatus.Trained:
                model = self._space.freeze(dict(sample))
                model.status = ModelStatus.Trained
                model.metrics.final = metric
                self._restored.append(model)

    def _note_metric(self, event: FinalMetricEvent) -> None:
        with self.turn:
            text = self._text_of(event)
            if text is None:
                return
            metric = event.metric
            self._reported[text] = float(
                metric["default"] if isinstance(metric, Mapping) else metric
            )
            if text in self._ended:
                # The training service may tell of the end first.
                self._ended[text] = self._reported[text]

    def _note_end(self, event: TrainingEndEvent) -> None:
        with self.turn:
            text = self._own(event.model)
            if text is not None and event.status != ModelStatus.Interrupted:
                self._status[text] = event.status
                self._ended[text] = self._reported.get(text)

    def _text_of(self, event: FinalMetricEvent) -> str | None:
        """Of the sample that was trained: the event's own, unless the report says otherwise."""
        own = self._own(event.model)
        echo = event.metric.get(SAMPLE, own) if isinstance(event.metric, Mapping) else own
        if echo == own or own is None:
            return own
        known = echo in self._models
        _logger.error(
            "NNI gave the metric of %s to %s: it is %s", echo, own,
            "put right" if known else "dropped",
        )  # fmt: skip
        return echo if known else None

    def _own(self, model: ExecutableModelSpace) -> str | None:
        """Of a model that was submitted here."""
        text = sample_text(model.sample)
        return text if self._models.get(text) is model else None


def listed(
    models: Iterator[ExecutableModelSpace], trainings: Trainings, sort: bool, limit: int | None
) -> Iterator[ExecutableModelSpace]:
    """A strategy's models with those of earlier runs, as ``Strategy.list_models`` orders them."""
    every = [*models, *trainings.restored()]
    for model in every:
        if (metric := trainings.metric(model)) is not None:
            model.metrics.final = metric
    if sort:
        every.sort(key=_order)
    yield from every[:limit]


def _order(model: ExecutableModelSpace) -> tuple[bool, float]:
    """NaN, which sorts nowhere, comes last."""
    metric = float(model.metric)
    return math.isnan(metric), -metric
