"""What a study's finished trials say of the scores, read off the storage alone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from zc_plugins._score_attributes import PREFIX
from zc_plugins._shapes import Float, ndarray
from zc_plugins.optuna._stored import StoredScores
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable


@dataclass(frozen=True, eq=False)
class Evidence:
    """Trained networks of a study that have scores.

    Attributes:
        trials: COMPLETE ones, in order.
        table: their stored scores; NaN where ``zc_note`` says why one is missing.
        accuracy: their first values, turned so that higher is better.
    """

    trials: tuple[FrozenTrial, ...]
    table: ScoreTable
    accuracy: Float[ndarray, " candidates"]

    @staticmethod
    def of(
        study: optuna.Study, trials: Iterable[FrozenTrial], scorer: Scorer | StoredScores
    ) -> Evidence:
        """The evidence among a study's, or its Hyperband bracket's, trials."""
        first = study._storage.get_study_directions(study._study_id)[0]
        sign = -1.0 if first == StudyDirection.MINIMIZE else 1.0
        names = [proxy.name for proxy in scorer.proxies]
        found = {trial.number: (trial, row) for trial, row in _scored(trials, names)}
        table = ScoreTable(
            list(map(str, found)),
            np.array([row for _, row in found.values()]).reshape(len(found), len(names)),
            names,
            [proxy.higher_is_better for proxy in scorer.proxies],
        )
        kept = tuple(trial for trial, _ in found.values())
        return Evidence(kept, table, sign * np.array([trial.values[0] for trial in kept]))

    def rows(self, places: list[int]) -> Evidence:
        """The networks at ``places``, in that order."""
        trials = tuple(self.trials[place] for place in places)
        return Evidence(trials, self.table.rows(places), self.accuracy[places])


def _scored(
    trials: Iterable[FrozenTrial], names: list[str]
) -> Iterable[tuple[FrozenTrial, list[float]]]:
    for trial in trials:
        if trial.state != TrialState.COMPLETE or not names:
            continue
        row = [stored_number(trial.user_attrs.get(f"{PREFIX}{name}")) for name in names]
        missing = sum(map(math.isnan, row))
        # A cost of the same name is no sign that the network was scored.
        if not missing or (missing < len(row) and f"{PREFIX}note" in trial.user_attrs):
            yield trial, row


def stored_number(content: Any) -> float:
    """NaN for what is no number, or beyond float64."""
    try:
        return float(content) if isinstance(content, (int, float)) else math.nan
    except OverflowError:
        return math.nan
