"""A study's finished trials, each read once, however long the study has become."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from zc_plugins.optuna._evidence import Evidence
from zc_plugins.scorer import Scorer
from zc_plugins.trust import ENSEMBLE

EXACT = 256
"""Complete trials up to which each one changes the weight at once."""


class History:
    """What the complete trials of the study that was asked for last say. Threads may share it.

    Args:
        scorer: whose scores the trials have.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._study: tuple[BaseStorage, int] | None = None
        self._turn = threading.RLock()
        self._weighed: tuple[int, float] = (0, ENSEMBLE.weight)
        self._forget()

    def complete(self, study: optuna.Study, trials: Sequence[FrozenTrial]) -> int:
        """Number of complete trials.

        Args:
            study: the study.
            trials: all of it.
        """
        with self._turn:
            self._read(study, trials)
            return len(self._complete)

    def holds(self, params: Mapping[str, Any]) -> bool:
        """Whether a complete trial that was read has exactly these parameters."""
        return _key(params) in self._trained

    def weight(self, study: optuna.Study, trials: Sequence[FrozenTrial]) -> float:
        """Share of their say that the ensemble's scores keep in this study, in [0, 1].

        From ``EXACT`` complete trials on, it is taken anew when they have become a hundredth more.

        Args:
            study: the study, or its Hyperband bracket.
            trials: all of it.
        """
        with self._turn:
            self._read(study, trials)
            heard = _heard(len(self._complete))
            if heard != self._weighed[0]:
                first = sorted(self._complete, key=lambda trial: trial.number)[:heard]
                self._weighed = heard, self._weight_of(Evidence.of(study, first, self._scorer))
            return self._weighed[1]

    def __reduce__(self) -> tuple[type[History], tuple[Scorer]]:
        return History, (self._scorer,)

    def _weight_of(self, evidence: Evidence) -> float:
        if not evidence.trials:
            return ENSEMBLE.weight
        return ENSEMBLE.after(self._scorer.aggregate(evidence.table), evidence.accuracy).weight

    def _forget(self) -> None:
        # All trials of lower numbers were read; of the others, these.
        self._settled, self._seen = 0, set[int]()
        self._complete: list[FrozenTrial] = []
        self._trained: set[tuple[tuple[str, str], ...]] = set()
        self._weighed = 0, ENSEMBLE.weight

    def _read(self, study: optuna.Study, trials: Sequence[FrozenTrial]) -> None:
        """Take in what has finished since the last time."""
        asked = study._storage, study._study_id
        if self._study is None or self._study[0] is not asked[0] or self._study[1] != asked[1]:
            self._study = asked
            self._forget()
        # The place is the number, unless trials were left out.
        start = self._settled
        if start < len(trials) and trials[start].number != start:
            start = 0
        for trial in trials[start:]:
            if not trial.state.is_finished() or trial.number < self._settled:
                continue
            if trial.number not in self._seen:
                self._seen.add(trial.number)
                if trial.state == TrialState.COMPLETE:
                    self._complete.append(trial)
                    self._trained.add(_key(trial.params))
        while self._settled in self._seen:
            self._seen.remove(self._settled)
            self._settled += 1


def _key(params: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, repr(value)) for name, value in params.items()))


def _heard(complete: int) -> int:
    """How many of so many complete trials are asked."""
    step = 1 if complete < EXACT else 1 << (complete.bit_length() - EXACT.bit_length() + 1)
    return complete - complete % step
