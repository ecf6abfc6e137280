"""Filter, then train a few, as a strategy: the one to begin with."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from nni.nas.execution import ExecutionEngine
from nni.nas.space import ExecutableModelSpace
from nni.nas.strategy.base import Strategy

from zc_plugins.costs.budget import Budget
from zc_plugins.nni._autosave import Autosave
from zc_plugins.nni._pool import Ranked
from zc_plugins.nni._service import manager_of
from zc_plugins.nni._stamp import require_stamp, stamp
from zc_plugins.nni._trainings import Trainings, listed
from zc_plugins.nni._twins import Twins
from zc_plugins.nni.model_space import Choices, NniSpace, choosable, drawn, old_generator
from zc_plugins.predictors import Predictor
from zc_plugins.scorer import Scorer
from zc_plugins.search import FilterThenTrain, Training
from zc_plugins.search.filter_then_train import require_numbers


class FilterThenTrainStrategy(Strategy):  # type: ignore[misc]
    """Trains the best of a scored pool first, then what scores and trainings together promise.

    A random pool is scored without training, and its ``first`` best are submitted. Then a Gaussian
    process learns from the trainings which architectures are better than their scores, and worse,
    and each next one has the greatest expected improvement, of the pool and of neighbours of the
    best so far. Misleading scores are outvoted as trainings finish.

    For any model space, constrained ones included, and any evaluator, whose own labels (a learning
    rate) are drawn at random along with each model. No architecture is trained twice, also not
    after a resume, nor one that differs only in labels that make no difference. The experiment's
    budget ends it, or the space.

    Args:
        scorer: e.g. ``recipes.az_nas(input_shape=(3, 32, 32))``.
        first: the pool's best that are trained before the trainings are asked, at least 2.
        pool: random architectures to score at the start.
        neighbours: architectures near the best to score before each further training.
        budget: architectures over it are neither scored nor submitted.
        predictor: in place of the Gaussian process, e.g. ``predictors.committee.committee()``, once
            the trainings are enough for it.
        seed: of the pool, the neighbours and the evaluator's labels.
        autosave: path without suffix; the scores and trainings are kept there before each training
            and at any end, and taken up again by the next run.

    Raises:
        InvalidArgument: if a number is out of range.

    References:
        See ``zc_plugins.search.FilterThenTrain``, whose course it takes.
    """

    def __init__(
        self,
        scorer: Scorer,
        *,
        first: int = 3,
        pool: int = 1000,
        neighbours: int = 30,
        budget: Budget | None = None,
        predictor: Predictor | None = None,
        seed: int = 0,
        autosave: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        require_numbers(first, pool, neighbours, seed)
        self.scorer, self._seed = scorer, seed
        self._settings: dict[str, Any] = {
            "first": first, "pool": pool, "neighbours": neighbours, "budget": budget,
            "predictor": predictor, "seed": seed,
        }  # fmt: skip
        self._autosave = Autosave(autosave)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={self._settings[name]}" for name in ("first", "pool"))

    def _initialize(
        self, model_space: ExecutableModelSpace, engine: ExecutionEngine
    ) -> ExecutableModelSpace:
        self._trainings = Trainings(model_space, engine)
        self._space = NniSpace(model_space)
        self._course = FilterThenTrain(self._space, self.scorer, **self._settings)
        self._twins, self._skipped = Twins(self._space), set[str]()
        self._autosave.restore(self)
        return model_space

    def _run(self) -> None:
        with manager_of(self.engine):
            self._search()

    def _search(self) -> None:
        # Asked for when a worker is free, so that all trainings that have ended are known.
        while self.wait_for_resource() and (ranked := self._next()) is not None:
            self._twins.add(*ranked)
            self._autosave.keep(self)
            self._trainings.submit(self._labelled(ranked.sample))
        self.engine.wait_models()
        self._trainings.settle()

    def _next(self) -> Ranked | None:
        """The next network that is new; None if none is left, also when all trainings are over."""
        while (ranked := self._proposal()) is None and self._trainings.running:
            # Asked of the engine, so that one that died is noticed.
            if not self.engine.budget_available():
                break
            time.sleep(1.0)
        return ranked

    def _proposal(self) -> Ranked | None:
        submitted = self._trainings.submitted()
        trainings = [Training(self._space.of(sample), value) for sample, value in submitted]
        while True:
            proposal = self._course.propose(trainings, self._skipped, len(trainings))
            if proposal is None:
                return None
            architecture, table = proposal
            ranked = Ranked(self._space.sample_of(architecture), table.values[0].tolist())
            if not self._twins.has(*ranked):
                return ranked
            self._skipped.add(self._course.key(architecture))

    def _labelled(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """The sample with labels of the evaluator."""
        labels = choosable(self.model_space)
        if labels.keys() <= sample.keys():
            return dict(sample)
        rng = np.random.default_rng([self._seed, len(self._trainings.submitted())])
        whole = drawn(self.model_space, old_generator(rng))
        return {label: sample.get(label, whole[label]) for label in labels}

    def _cleanup(self) -> None:
        self._trainings.close()
        self._autosave.keep(self)

    def list_models(
        self, sort: bool = True, limit: int | None = None
    ) -> Iterator[ExecutableModelSpace]:
        """The models that this run and the runs before it trained, best first."""
        return listed(super().list_models(sort), self._trainings, sort, limit)

    def state_dict(self) -> dict[str, Any]:
        of = stamp(self.scorer, self._space)
        return {"of": of, "scores": self._course.table, **self._trainings.state()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        if not len(state_dict["scores"]):
            # Of NNI's checkpoint at the start: what autosave has taken up is newer.
            return
        require_stamp(state_dict["of"], stamp(self.scorer, self._space))
        self.scorer.remember(state_dict["scores"], space=self._space)
        self._trainings.load(state_dict)
        for sample, _ in self._trainings.submitted():
            architecture: Choices = self._space.of(sample)
            table = self.scorer.score([architecture], space=self._space, show_progress=False)
            self._twins.add(self._space.sample_of(architecture), table.values[0].tolist())
