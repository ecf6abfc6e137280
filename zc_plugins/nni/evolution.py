"""Aging evolution whose children are screened without training."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from nni.nas.execution import ExecutionEngine
from nni.nas.space import ExecutableModelSpace
from nni.nas.strategy.base import Strategy

from zc_plugins.errors import InvalidArgument
from zc_plugins.nni._autosave import Autosave
from zc_plugins.nni._pool import Pool, Ranked
from zc_plugins.nni._service import manager_of
from zc_plugins.nni._trainings import Trainings, listed
from zc_plugins.nni._twins import Twins
from zc_plugins.nni.model_space import NniSpace, mutated
from zc_plugins.nni.report import sample_text
from zc_plugins.scorer import Scorer


class ZeroCostEvolution(Strategy):  # type: ignore[misc]
    """Regularized evolution that starts from the best of a pool and screens its children.

    Each step takes the best of ``tournament`` random members of the population, mutates it at one
    label several times, and has the child trained that scores best; the oldest member then leaves.
    The number of children falls as trainings finish, to one: what training has shown outweighs a
    score. A child without a score is passed over; where no child is new, the pool's next is taken.
    No sample is trained twice, nor one that differs only in labels that make no difference. The
    experiment's budget ends it.

    Args:
        scorer: e.g. ``recipes.az_nas(input_shape=(3, 32, 32))``.
        population: members; as many of the pool's best are trained first.
        tournament: members that compete to be the parent.
        candidates: children of the first step; 1 is evolution without screening.
        half_life: trainings after which their number has halved; None keeps it.
        pool: random models to score at the start, at least ``population``.
        seed: of the pool and of all draws.
        autosave: as in ``ZeroCostStrategy``.

    Raises:
        InvalidArgument: if a number is out of range.

    References:
        Real et al., Regularized Evolution, AAAI 2019, arXiv:1802.01548.
    """

    def __init__(
        self,
        scorer: Scorer,
        *,
        population: int = 10,
        tournament: int = 5,
        candidates: int = 8,
        half_life: float | None = 15,
        pool: int = 200,
        seed: int = 0,
        autosave: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        if half_life is not None and half_life <= 0:
            raise InvalidArgument(f"half_life={half_life}: pass a positive number or None")
        if not 1 <= tournament <= population <= pool or candidates < 1:
            raise InvalidArgument(
                f"population={population}, tournament={tournament}, candidates={candidates}, "
                f"pool={pool}: pass 1 <= tournament <= population <= pool and candidates of 1 or "
                "more"
            )
        self.population, self.tournament, self.candidates = population, tournament, candidates
        self.half_life = half_life
        self._pool = Pool(scorer, pool, seed)
        self._rng = np.random.default_rng(seed)
        self._autosave = Autosave(autosave)

    def extra_repr(self) -> str:
        return (
            f"population={self.population}, tournament={self.tournament}, "
            f"candidates={self.candidates}"
        )

    def _initialize(
        self, model_space: ExecutableModelSpace, engine: ExecutionEngine
    ) -> ExecutableModelSpace:
        self._trainings = Trainings(model_space, engine)
        self._space = NniSpace(model_space)
        self._twins = Twins(self._space)
        self._autosave.restore(self)
        return model_space

    def _run(self) -> None:
        with manager_of(self.engine):
            self._search()

    def _search(self) -> None:
        for ranked in self._pool.best(self.model_space)[: self.population]:
            if not self._trainings.has(ranked.sample) and not self._trained(ranked):
                break
        else:
            while (child := self._child()) is not None and self._trained(child):
                pass
        self.engine.wait_models()
        self._trainings.settle()

    def _trained(self, ranked: Ranked) -> bool:
        """Submit a sample; False if the budget is spent."""
        self._autosave.keep(self)
        if not self.wait_for_resource():
            return False
        self._twins.add(*ranked)
        self._trainings.submit(ranked.sample)
        return True

    def _child(self) -> Ranked | None:
        """The best-scored of some children of one parent; None if nothing new is left."""
        while not (results := self._trainings.results()):
            # Asked of the engine, so that one that died is noticed.
            if not self._trainings.running or not self.engine.budget_available():
                results = self._trainings.results()
                break
            time.sleep(1.0)
        # Members leave by age: the population is the last that finished.
        members = results[-self.population :]
        for _ in range(self.population if members else 0):
            compete = self._rng.permutation(len(members))[: self.tournament]
            parent, _ = max((members[place] for place in compete), key=lambda member: member[1])
            if (best := self._best(self._children(parent, len(results)))) is not None:
                return best
        # The neighbourhood is exhausted, or nothing has a metric yet.
        left = (ranked for ranked in self._pool.best(self.model_space) if self._new(ranked))
        return next(left, None)

    def _new(self, ranked: Ranked) -> bool:
        return not self._trainings.has(ranked.sample) and not self._twins.has(*ranked)

    def _children(self, parent: Mapping[str, Any], trained: int) -> list[dict[str, Any]]:
        halvings = 0.0 if self.half_life is None else trained / self.half_life
        wanted = max(1, round(self.candidates / 2**halvings))
        children: dict[str, dict[str, Any]] = {}
        for _ in range(4 * wanted):
            child = mutated(self.model_space, parent, self._rng)
            if child is not None and not self._trainings.has(child):
                children.setdefault(sample_text(child), child)
            if len(children) == wanted:
                break
        return list(children.values())

    def _best(self, children: list[dict[str, Any]]) -> Ranked | None:
        """The best-scored whose network was not trained; None if there is none."""
        if not children:
            return None
        scorer = self._pool.scorer
        table = scorer.score(
            [self._space.of(child) for child in children], space=self._space, show_progress=False
        )
        numbers = scorer.aggregate(table)
        order = np.argsort(-numbers, kind="stable")
        scored = order[np.isfinite(numbers[order])]
        ranking = (Ranked(children[place], table.values[place].tolist()) for place in scored)
        return next((ranked for ranked in ranking if self._new(ranked)), None)

    def _cleanup(self) -> None:
        self._trainings.close()
        self._autosave.keep(self)

    def list_models(
        self, sort: bool = True, limit: int | None = None
    ) -> Iterator[ExecutableModelSpace]:
        """The models that this run and the runs before it trained, best first."""
        return listed(super().list_models(sort), self._trainings, sort, limit)

    def state_dict(self) -> dict[str, Any]:
        state = {**self._pool.state(), **self._trainings.state()}
        ended = self._trainings.has_ended
        twins = [(sample, scores) for sample, scores in self._twins.state() if ended(sample)]
        return {**state, "twins": twins, "generator": self._rng.bit_generator.state}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        if not state_dict["ranked"]:
            # Of NNI's checkpoint at the start: what autosave has taken up is newer.
            return
        self._pool.load(state_dict, self.model_space)
        self._trainings.load(state_dict)
        self._twins = Twins(self._space, state_dict["twins"])
        self._rng.bit_generator.state = state_dict["generator"]
