"""Training-free search: propose, ask the budget, score, tell."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from zc_plugins._admission import Admission
from zc_plugins._identity import fingerprint
from zc_plugins._progress import progress
from zc_plugins.costs.budget import Budget
from zc_plugins.ensembles.az_rank import az_rank
from zc_plugins.errors import InvalidArgument, NothingScored
from zc_plugins.scorer import Scorer
from zc_plugins.search._course import Course, Proposal
from zc_plugins.search._evolution import Evolution
from zc_plugins.search._journal import Journal
from zc_plugins.search.az_evolution import AzEvolution
from zc_plugins.search.front_evolution import FrontEvolution
from zc_plugins.search.individual import Individual, Proxies
from zc_plugins.search.result import SearchResult
from zc_plugins.search.zen_evolution import ZenEvolution
from zc_plugins.spaces import SearchSpace


def search(
    space: SearchSpace[Any],
    scorer: Scorer,
    budget: Budget | None = None,
    *,
    by: Evolution | None = None,
    candidates: int = 1000,
    seconds: float | None = None,
    patience: int = 1000,
    scored_in: SearchSpace[Any] | None = None,
    batch: int = 1,
    workers: int | str = 1,
    seed: int = 0,
    journal: str | os.PathLike[str] | None = None,
    stop: Callable[[], bool] | None = None,
    show_progress: bool | None = None,
) -> SearchResult:
    """The best architecture of a space within a budget, found without training and without data.

    Each proposal has a random generator of its own, made of ``seed`` and its number, so a search
    that was killed at any moment goes on from its journal as if nothing had happened (where the
    budget's latency is measured, as far as two measurements agree).

    Args:
        space: of the architectures.
        scorer: any, e.g. ``recipes.zen_nas(input_shape=(3, 32, 32))``.
        budget: asked before anything is scored; None admits all.
        by: how architectures are proposed: ``ZenEvolution()``, ``AzEvolution()``,
            ``FrontEvolution("latency")`` or ``RandomSearch()``. Where None, ``AzEvolution()`` for
            several proxies under ``az_rank``, else ``ZenEvolution()``.
        candidates: architectures to score, counting those in the journal; a last batch is whole.
        seconds: of this run, after which nothing more is proposed; None sets no limit.
        patience: proposals in a row that may be over the budget or known already; then the search
            ends with what it has.
        scored_in: space whose networks are scored in place of ``space``'s, for the same
            architectures: Zen-NAS scores networks without residual links (``Stages.plain``).
            Budgets always ask ``space``.
        batch: architectures that are proposed before they are scored, together.
        workers: processes that score a batch, as in ``Scorer.score``.
        seed: of the proposals.
        journal: path of a file in which each batch is kept as soon as it is scored. If it is there
            already, the search goes on from it.
        stop: asked before each batch; True ends the search with what it has.
        show_progress: None shows a bar on a terminal outside CI.

    Returns:
        The best and the history.

    Raises:
        InvalidArgument: if a number is out of range, or the journal is another search's.
        NothingScored: if no architecture was within the budget, or none could be scored.

    Example:
        >>> from zc_plugins import recipes
        >>> from zc_plugins.spaces.nasbench201 import NasBench201
        >>> space = NasBench201(channels=4, cells_per_stage=1)
        >>> budget = Budget((3, 8, 8), flops=3e5)
        >>> result = search(space, recipes.zen_nas((3, 8, 8)), budget, candidates=20)
        >>> len(result.history), result.winner.costs["flops"] <= 3e5
        (20, True)
    """
    if min(candidates, patience, batch) < 1 or (seconds is not None and not seconds > 0):
        raise InvalidArgument(
            f"candidates={candidates}, patience={patience}, batch={batch}, seconds={seconds}: "
            "pass positive numbers"
        )
    if seed < 0:
        raise InvalidArgument(f"seed={seed}: pass 0 or more")
    by = default_evolution(scorer) if by is None else by
    networks = space if scored_in is None else scored_in
    settings = {
        "space": space.name,
        "scored_in": networks.name,
        "proxies": [proxy.name for proxy in scorer.proxies],
        "scorer": scorer.settings,
        "ensemble": fingerprint(scorer.ensemble),
        "by": fingerprint(by),
        "budget": fingerprint(budget),
        "batch": int(batch),
        "seed": int(seed),
    }
    admission = None if budget is None else Admission(space, budget, scorer.device)
    course = Course(space, admission, by.begin(space, scorer), seed)
    with Journal(journal, settings, space) as kept:
        for members in kept.batches():
            course.take(members)
        # A batch may end with proposals that were rejected.
        course.proposals = max(course.proposals, kept.proposals)
        clock = _Clock(kept.seconds, seconds)

        def scored() -> Iterator[Individual]:
            yield from course.history[:candidates]
            while len(course.history) < candidates and not clock.ended and not (stop and stop()):
                # Whole batches, so that the course does not depend on where an earlier run ended.
                proposed = course.proposed(batch, patience, stop=lambda: clock.ended)
                if not proposed:
                    return
                members = _scored(proposed, space, networks, scorer, workers)
                kept.keep(members, clock.seconds, course.proposals)
                course.take(members)
                yield from members

        for _ in progress(
            scored(), total=candidates, description="searching", show=show_progress,
            unit=" candidates", state=lambda: _state(course),
        ):  # fmt: skip
            pass
    front = by.cost if isinstance(by, FrontEvolution) else None
    return SearchResult(
        space, _found(course, scorer), course.history, Proxies.of(scorer), course.proposals,
        clock.seconds, settings, scorer.ensemble, front,
    )  # fmt: skip


def _found(course: Course, scorer: Scorer) -> Sequence[Individual]:
    """The best of a course.

    Raises:
        NothingScored: if there is none, with a reason.
    """
    best = course.population.best()
    if not best and course.history:
        table = Proxies.of(scorer).table(course.history)
        table.require_ranked(np.full(len(table), -np.inf))
    if not best:
        raise NothingScored(
            f"none of {course.proposals} proposals was scored ({course.refusal or 'no time'}): "
            "raise the budget's limits, or begin from an architecture that keeps them"
        )
    return best


def default_evolution(scorer: Scorer) -> Evolution:
    """AZ-NAS's for several proxies under its log-rank rule, else Zen-NAS's."""
    several = len(scorer.proxies) > 1 and scorer.ensemble is az_rank
    return AzEvolution() if several else ZenEvolution()


def _scored(
    proposed: Sequence[Proposal],
    space: SearchSpace[Any],
    networks: SearchSpace[Any],
    scorer: Scorer,
    workers: int | str,
) -> list[Individual]:
    pool = [proposal.architecture for proposal in proposed]
    table = scorer.score(pool, space=networks, show_progress=False, workers=workers)
    return [
        Individual(
            proposal.step,
            proposal.architecture,
            space.encode(proposal.architecture),
            tuple(map(float, table.values[place])),
            proposal.costs,
            float(table.seconds[place]),
            table.notes[place],
        )
        for place, proposal in enumerate(proposed)
    ]


def _state(course: Course) -> dict[str, str]:
    """What the bar shows beside the count and the rate."""
    shown = {"accepted": f"{len(course.history) / max(course.proposals, 1):.0%}"}
    best = course.population.best()
    return shown | {"best": " ".join(f"{score:.4g}" for score in best[0].scores)} if best else shown


class _Clock:
    """Seconds of this run and of those before it."""

    def __init__(self, before: float, limit: float | None) -> None:
        self._before, self._limit = before, limit
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        return self._before + time.monotonic() - self._start

    @property
    def ended(self) -> bool:
        return self._limit is not None and time.monotonic() - self._start > self._limit
