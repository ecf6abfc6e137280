"""Score a pool, and have only the best trained."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from nni.nas.execution import ExecutionEngine
from nni.nas.space import ExecutableModelSpace
from nni.nas.strategy.base import Strategy

from zc_plugins.errors import InvalidArgument
from zc_plugins.nni._autosave import Autosave
from zc_plugins.nni._pool import Pool
from zc_plugins.nni._service import manager_of
from zc_plugins.nni._trainings import Trainings, listed
from zc_plugins.scorer import Scorer


class ZeroCostStrategy(Strategy):  # type: ignore[misc]
    """Scores random models of a pool without training and submits the best to the evaluator.

    For any model space, constrained ones included, and any evaluator; labels of the evaluator (a
    learning rate) are drawn at random along with each model. No sample is trained twice, also not
    after a resume, nor one that differs only in labels that make no difference. Ends when the best
    are trained, or the experiment's budget is spent.

    Args:
        scorer: e.g. ``recipes.az_nas(input_shape=(3, 32, 32))``.
        top: models to train, best first.
        pool: models to score.
        seed: of the pool.
        autosave: path without suffix; the state is kept there after the pool is scored, after
            each training and at any end, and taken up again by the next run. NNI keeps its own
            checkpoint only at the start and at an orderly end.

    Raises:
        InvalidArgument: if ``top`` or ``pool`` is out of range.
    """

    def __init__(
        self,
        scorer: Scorer,
        *,
        top: int = 5,
        pool: int = 200,
        seed: int = 0,
        autosave: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        if not 1 <= top <= pool:
            raise InvalidArgument(f"top={top}, pool={pool}: pass 1 <= top <= pool")
        self.top = top
        self._pool = Pool(scorer, pool, seed)
        self._autosave = Autosave(autosave)

    def extra_repr(self) -> str:
        return f"top={self.top}, pool={self._pool.size}"

    def _initialize(
        self, model_space: ExecutableModelSpace, engine: ExecutionEngine
    ) -> ExecutableModelSpace:
        self._trainings = Trainings(model_space, engine)
        self._autosave.restore(self)
        return model_space

    def _run(self) -> None:
        with manager_of(self.engine):
            self._search()

    def _search(self) -> None:
        best = self._pool.best(self.model_space)
        self._autosave.keep(self)
        for sample, _ in best:
            if self._trainings.admitted >= self.top:
                break
            if self._trainings.has(sample):
                continue
            if not self.wait_for_resource():
                break
            self._trainings.submit(sample)
            self._autosave.keep(self)
        self.engine.wait_models()
        self._trainings.settle()

    def _cleanup(self) -> None:
        self._trainings.close()
        self._autosave.keep(self)

    def list_models(
        self, sort: bool = True, limit: int | None = None
    ) -> Iterator[ExecutableModelSpace]:
        """The models that this run and the runs before it trained, best first."""
        return listed(super().list_models(sort), self._trainings, sort, limit)

    def state_dict(self) -> dict[str, Any]:
        return {**self._pool.state(), **self._trainings.state()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self._pool.load(state_dict, self.model_space)
        self._trainings.load(state_dict)
