"""Filter, then train a few: which architecture to train next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from zc_plugins._admission import Admission
from zc_plugins._shapes import Float, ndarray
from zc_plugins._threads import one_blas_thread
from zc_plugins.costs.budget import Budget
from zc_plugins.errors import InvalidArgument, NothingScored
from zc_plugins.predictors import Fitted, Predictor
from zc_plugins.predictors.gaussian_process import gaussian_process
from zc_plugins.reference import sampled
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.search._learned import Learned, Training, expected_improvement
from zc_plugins.search._lessons import Lessons, telling
from zc_plugins.spaces import SearchSpace

PARENTS = 5
"""Trained architectures whose neighbours are looked at."""


class FilterThenTrain:
    """Proposes the best of a scored pool first, then what trainings and scores together promise.

    A random pool is scored without training, and its ``first`` best are proposed. From then on a
    predictor is fitted on all trainings so far, and the architecture of the greatest expected
    improvement is proposed, of the pool and of neighbours of the best trained, which are scored as
    they come. Where trainings were stopped early (by successive halving, say), what they had
    reached is learned from too: one process predicts the early value, and a second one, whose trend
    follows it, the last.

    Args:
        space: of the architectures; one that tells parameters of them (``Suggestible``), so that
            the predictor knows which are alike, or likeness is that of their scores alone.
        scorer: e.g. ``recipes.az_nas(input_shape=(3, 32, 32))``.
        first: the pool's best that are trained before the predictor is asked, at least 2; five
            times as many where trainings are stopped early.
        pool: random architectures to score at the start, at least ``first``.
        neighbours: mutants to look at before each further proposal.
        budget: architectures over it are neither scored nor proposed.
        predictor: learns from whole trainings alone, once it finds them enough, ten at most; before
            that, or where None, a Gaussian process of the scorer's ensemble, which learns from
            stopped ones too.
        seed: of the pool and the neighbours.

    Raises:
        InvalidArgument: if a number is out of range.

    References:
        Expected improvement: Jones, Schonlau and Welch, J. Global Optimization 1998, equation 15.
    """

    def __init__(
        self,
        space: SearchSpace[Any],
        scorer: Scorer,
        *,
        first: int = 3,
        pool: int = 1000,
        neighbours: int = 30,
        budget: Budget | None = None,
        predictor: Predictor | None = None,
        seed: int = 0,
    ) -> None:
        require_numbers(first, pool, neighbours, seed)
        self._space, self._scorer, self._predictor = space, scorer, predictor
        self._first, self._pool, self._neighbours = first, pool, neighbours
        self._admission = None if budget is None else Admission(space, budget, scorer.device)
        self._seed = seed
        self._architectures: list[Any] = []
        self._places: dict[str, int] = {}
        # By identity: a long study's keys would take longer than all else.
        self._placed: dict[int, tuple[Any, int]] = {}
        proxies = scorer.proxies
        self._table = ScoreTable(
            [], [], [proxy.name for proxy in proxies], [proxy.higher_is_better for proxy in proxies]
        )
        self._population = self._table

    def score_pool(self) -> None:
        """Score the random pool now, which the first proposal does otherwise.

        Raises:
            NothingScored: if no architecture could be built, afforded and scored.
        """
        if len(self._population):
            return
        sample = sampled(self._space, self._pool, np.random.default_rng([self._seed, 0]))
        self._know(sample, show_progress=None)
        if not len(self._table):
            raise NothingScored(
                f"the budget admits none of {self._pool} drawn architectures: raise its limits"
            )
        self._table.require_ranked(self._scorer.aggregate(self._table))
        self._population = self._table

    def propose(
        self, trainings: Sequence[Training], busy: Collection[str] = (), turn: int = 0
    ) -> tuple[Any, ScoreTable] | None:
        """The architecture to train next, and its scores; None if nothing new is left.

        Args:
            trainings: all that have ended, also those that taught nothing (no value at all).
            busy: keys of architectures in training, which are not proposed.
            turn: number of this proposal: another one looks at other neighbours.

        Raises:
            NothingScored: if no architecture could be built, afforded and scored.
        """
        with one_blas_thread():
            return self._proposal(trainings, busy, turn)

    def _proposal(
        self, trainings: Sequence[Training], busy: Collection[str], turn: int
    ) -> tuple[Any, ScoreTable] | None:
        self.score_pool()
        places = self._places_of([training.architecture for training in trainings])
        lessons = Lessons.of(trainings, places)
        promise: ndarray
        if lessons.trainings < self._first:
            left = self._left(range(len(self._population)), places, busy)
            promise = self._scorer.aggregate(self._table)[left]
        else:
            self._breed(lessons, np.random.default_rng([self._seed, turn + 1]))
            # What no proxy could score is likely not to be built either.
            scored = np.flatnonzero(~np.isnan(self._table.values).all(axis=1)).tolist()
            left = self._left(scored, places, busy)
            if not left:
                return None
            promise = self._improvement(lessons, self._table.rows(left))
        for at in np.argsort(-promise, kind="stable"):
            if np.isfinite(promise[at]):
                return self._architectures[left[at]], self._table.rows([left[at]])
        return None

    @property
    def table(self) -> ScoreTable:
        """Scores of all architectures that were looked at so far."""
        return self._table

    def key(self, architecture: Any) -> str:
        """The same for architectures that compute the same."""
        return self._space.encode(self._space.canonical(architecture))

    def _know(
        self,
        architectures: Sequence[Any],
        *,
        admitted: bool = False,
        show_progress: bool | None = False,
    ) -> None:
        """Score those that are new and within the budget, or that are admitted anyway."""
        new: dict[str, Any] = {}
        for architecture in architectures:
            key = self.key(architecture)
            if key in self._places or key in new:
                continue
            if (
                admitted
                or self._admission is None
                or self._admission.verdict(architecture).admitted
            ):
                new[key] = architecture
        if not new:
            return
        # In an order of its own, so that workers that share a cache score the pool by parts.
        order, items = np.random.default_rng().permutation(len(new)), list(new.values())
        table = self._scorer.score(
            [items[place] for place in order], space=self._space, show_progress=show_progress
        )
        table = table.rows(np.argsort(order).tolist())
        for key, architecture in new.items():
            self._places[key] = len(self._architectures)
            self._architectures.append(architecture)
        self._table = self._table.joined(table)

    def _places_of(self, trained: Sequence[Any]) -> list[int]:
        """Rows of the table; those of objects that were asked for last time are remembered."""
        last = self._placed
        new = [a for a in trained if id(a) not in last or last[id(a)][0] is not a]
        self._know(new, admitted=True)
        found = {id(a): (a, self._places[self.key(a)]) for a in new}
        self._placed = {id(a): found[id(a)] if id(a) in found else last[id(a)] for a in trained}
        return [self._placed[id(a)][1] for a in trained]

    def _breed(self, lessons: Lessons, rng: np.random.Generator) -> None:
        """Know neighbours of the best trained."""
        parents = [self._architectures[place] for place in lessons.best(PARENTS)]
        found: list[Any] = []
        for _ in range(self._neighbours):
            parent = parents[int(rng.integers(len(parents)))]
            try:
                found.append(self._space.mutate(parent, rng))
            except Exception:
                # The user's builder raises for this one.
                continue
        self._know(found)

    def _left(
        self, places: Iterable[int], trained: Collection[int], busy: Collection[str]
    ) -> list[int]:
        """Those that are neither trained nor in training, as far as the table knows by now."""
        taken = {*trained, *(self._places[key] for key in busy if key in self._places)}
        return [place for place in places if place not in taken]

    def _improvement(
        self, lessons: Lessons, candidates: ScoreTable
    ) -> Float[ndarray, " candidates"]:
        fitted, best = self._fitted(lessons)
        return expected_improvement(fitted.predict(candidates), best)

    def _fitted(self, lessons: Lessons) -> tuple[Fitted, float]:
        """What has learned from the trainings, and the best value of those."""
        if self._predictor is not None:
            learned = Learned.of(self._predictor, self._table, lessons.whole)
            if learned is not None:
                return learned.fitted, learned.best
        ensemble, early = self._scorer.ensemble, None
        if lessons.early:
            process = gaussian_process(ensemble, population=self._population)
            early = _fit(process, self._table, telling(lessons.early))
            if len(lessons.whole) < 2:
                return early, max(lessons.early.values())
        whole = gaussian_process(ensemble, population=self._population, early=early)
        fitted = _fit(whole, self._table, telling(lessons.whole))
        return fitted, max(lessons.whole.values())


def require_numbers(first: int, pool: int, neighbours: int, seed: int) -> None:
    """Refuse numbers with which there is no course.

    Raises:
        InvalidArgument: with the remedy.
    """
    if not 2 <= first <= pool or neighbours < 0 or seed < 0:
        raise InvalidArgument(
            f"first={first}, pool={pool}, neighbours={neighbours}, seed={seed}: pass "
            "2 <= first <= pool, neighbours of 0 or more and a seed of 0 or more"
        )


def _fit(predictor: Predictor, table: ScoreTable, values: Mapping[int, float]) -> Fitted:
    return predictor.fit(
        table.rows(list(values)), np.array(list(values.values()), dtype=np.float64)
    )
