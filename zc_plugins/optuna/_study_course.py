"""The course of an evolution, as the trials of a study tell it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from zc_plugins.costs.budget import Budget
from zc_plugins.optuna._attributes import numbers_of
from zc_plugins.optuna._claim import Claim, given_architecture
from zc_plugins.search._course import Course, Proposal
from zc_plugins.search.individual import Individual
from zc_plugins.spaces import SearchSpace


class StudyCourse:
    """Tells a course each trial once, when it is finished, in the order in which they finished.

    That order is stored, so all workers, and those who come later, arrive at the same population.

    Args:
        study: whose trials.
        space: of the architectures.
        budget: a trial over it, or without its costs, is no member.
        proxies: a trial without a score of each is no member.
        course: an empty one.
    """

    def __init__(
        self,
        study: optuna.Study,
        space: SearchSpace[Any],
        budget: Budget | None,
        proxies: Sequence[str],
        course: Course,
    ) -> None:
        self._storage, self._study_id = study._storage, study._study_id
        self._space, self._budget, self._proxies = space, budget, proxies
        self._course = course
        # All trials of lower numbers were told; of the others, these.
        self._settled, self._told = 0, set[int]()
        self._enqueued: set[int] = set()

    def follows(self, study: optuna.Study) -> bool:
        """Whether the course is that of this study."""
        return study._storage is self._storage and study._study_id == self._study_id

    def best(self) -> list[Individual]:
        """What the evolution is after, from all trials so far."""
        self._catch_up(-1)
        return list(self._course.population.best())

    def propose(self, trial: FrozenTrial, patience: int) -> Proposal | None:
        """A new architecture for the trial, claimed in the storage; None where patience runs out.

        No other trial has it, in whichever process: of two that claim the same at the same moment
        at least one sees the other's claim, and proposes again.
        """
        # Where a colleague is at the same step, the trial's number tells the two apart.
        salt = (trial.number,) if self._catch_up(trial.number) else ()
        while True:
            proposed = self._course.proposed(1, patience, *salt)
            key = self._course.key(proposed[0].architecture) if proposed else ""
            Claim(self._course.proposals - 1, key).write(self._storage, trial._trial_id)
            if not proposed:
                return None
            self._catch_up(trial.number)
            if not self._course.knows(key):
                self._course.know(key)
                return proposed[0]
            salt = (trial.number,)

    def _catch_up(self, number: int) -> bool:
        """Read all trials but this one; whether an earlier one may be proposing now."""
        trials = self._storage.get_all_trials(self._study_id, deepcopy=False)
        # Cheap however long the history is.
        start = self._settled
        if start < len(trials) and trials[start].number != start:
            start = 0
        news = [
            trial
            for trial in trials[start:]
            if trial.number >= self._settled
            and trial.number not in self._told
            and trial.number != number
        ]
        for trial in sorted((t for t in news if t.state.is_finished()), key=_finished):
            self._tell(trial)
            self._told.add(trial.number)
        while self._settled in self._told:
            self._told.remove(self._settled)
            self._settled += 1
        open_ = [trial for trial in news if not trial.state.is_finished()]
        undecided = [trial.number for trial in open_ if not self._heeds(trial)]
        return any(other < number for other in undecided)

    def _tell(self, trial: FrozenTrial) -> None:
        claim = Claim.of(trial)
        if claim is not None:
            self._course.know(claim.key, claim.step)
        architecture = given_architecture(self._space, trial)
        if architecture is None:
            return
        scores = numbers_of(trial, self._proxies)
        costs = self._kept_costs(trial)
        if trial.state != TrialState.COMPLETE or scores is None or costs is None:
            self._course.know(self._course.key(architecture))
            return
        step = -1 if claim is None else claim.step
        text = self._space.encode(architecture)
        member = Individual(step, architecture, text, tuple(scores.values()), costs)
        self._course.take([member])

    def _kept_costs(self, trial: FrozenTrial) -> dict[str, float] | None:
        """The trial's limited costs; None if they are not known, or one is over its limit."""
        if self._budget is None:
            return {}
        costs = numbers_of(trial, self._budget.limited)
        if costs is None:
            return None
        return (
            costs if all(self._budget.keeps(name, cost) for name, cost in costs.items()) else None
        )

    def _heeds(self, trial: FrozenTrial) -> bool:
        """Whether the architecture of an unfinished trial is known; it is not proposed again."""
        claim = Claim.of(trial)
        if claim is not None:
            self._course.know(claim.key, claim.step)
            return True
        if trial.number not in self._enqueued:
            architecture = given_architecture(self._space, trial)
            if architecture is None:
                return trial.state == TrialState.WAITING
            self._course.know(self._course.key(architecture))
            self._enqueued.add(trial.number)
        return True


def _finished(trial: FrozenTrial) -> tuple[datetime, int]:
    return trial.datetime_complete or datetime.min, trial.number
