"""A pruner that decides before the first report."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from optuna.pruners import BasePruner, HyperbandPruner, NopPruner
from optuna.trial import FrozenTrial
from torch import nn

from zc_plugins._score_attributes import PREFIX
from zc_plugins.errors import InvalidArgument, NothingScored
from zc_plugins.optuna._attributes import write
from zc_plugins.optuna._history import History
from zc_plugins.optuna._judge import Judge, Verdict
from zc_plugins.optuna._study_trainings import StudyTrainings
from zc_plugins.predictors import Fitted, Predictor
from zc_plugins.reference import Reference
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.search._learned import learned
from zc_plugins.spaces import SearchSpace


class ZeroCostPruner(BasePruner):
    """Prunes a trial before its training if its architecture's score is too low.

    Two lines in the objective: after ``model = build_model(trial)``, and before training,
    ``if trial.should_prune(): raise optuna.TrialPruned``. From the first report on, the wrapped
    pruner decides alone. The score is judged against a reference sample of the space, which is
    scored once, without training, and kept in the study, so that trial 0 can be judged and all
    workers judge alike. Scores are stored as user attributes ``zc_NAME`` and ``zc_percentile``.

    The kept share rises to the whole space where the finished trials do not bear the scores out,
    and falls back where they do; ``trust(study, scorer)`` tells. With several objectives the first
    value counts as the accuracy.

    With a predictor the scores decide only until it can learn from the COMPLETE trials. From then
    on it is fitted anew for each trial, which is pruned if more than the kept share of the
    reference has a higher upper value, mean plus one standard deviation, than it. ``trust`` has no
    say then. A worker that did not draw the reference itself scores it once more for that.

    A low score never prunes an architecture that was enqueued, since somebody asked for it, nor a
    network that we cannot read. Dead, disconnected and non-finite networks are always pruned.

    Args:
        wrapped_pruner: decides after the first report; none by default.
        build_model: a trial in, a network out; or a search space.
        scorer: e.g. ``recipes.az_nas(input_shape=(3, 32, 32))``.
        keep: share of the space that may be trained, in (0, 1]: a network is pruned if more than
            this share of the reference is strictly better.
        trust: whether it follows the rank correlation of scores and values.
        reference: a sample made by ``scorer.reference(space)``; drawn where None.
        reference_size: architectures to draw for it.
        predictor: as of ``ZeroCostSampler``.

    Raises:
        InvalidArgument: if ``keep`` is out of range.
        ReferenceMismatch: if ``reference`` is of another space or other settings.
    """

    def __new__(cls, wrapped_pruner: BasePruner | None = None, *_: Any, **__: Any) -> Any:
        # Samplers tell Hyperband's brackets apart only if they see a HyperbandPruner.
        if cls is ZeroCostPruner and isinstance(wrapped_pruner, HyperbandPruner):
            return object.__new__(_ZeroCostHyperbandPruner)
        return object.__new__(cls)

    def __init__(
        self,
        wrapped_pruner: BasePruner | None,
        build_model: Callable[[Any], nn.Module] | SearchSpace[Any],
        scorer: Scorer,
        *,
        keep: float = 0.5,
        reference: Reference | None = None,
        reference_size: int = 200,
        trust: bool = True,
        predictor: Predictor | None = None,
    ) -> None:
        if not 0 < keep <= 1:
            raise InvalidArgument(f"keep={keep}: pass a share in (0, 1], e.g. 0.5")
        self._wrapped_pruner = NopPruner() if wrapped_pruner is None else wrapped_pruner
        self._judge = Judge(build_model, scorer, reference, reference_size)
        self._scorer, self._keep, self._trust = scorer, keep, trust
        self._history = History(scorer)
        self._predictor, self._trainings = predictor, StudyTrainings(self._judge.space)

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        if trial.intermediate_values:
            return bool(self._wrapped_pruner.prune(study, trial))
        return self.rejects(study, trial)

    def rejects(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether the trial's architecture is outside the kept share; its scores are stored.

        Raises:
            MissingParameter: if ``build_model`` was not called on the trial yet.
        """
        try:
            verdict = self._judge.verdict(study, trial.params)
        except NothingScored as error:
            # The same text each time, so that Python shows it once.
            warnings.warn(f"trials go on unjudged: {error}", stacklevel=2)
            return False
        attributes = dict(verdict.attributes)
        asked_for = verdict.params & trial.system_attrs.get("fixed_params", {}).keys()
        note = "" if asked_for else self._why_too_low(study, verdict)
        if note:
            attributes[f"{PREFIX}note"] = note
        write(study._storage, trial._trial_id, attributes)
        return verdict.degenerate or bool(note)

    def _why_too_low(self, study: optuna.Study, verdict: Verdict) -> str:
        """Why the network is outside the kept share; empty if it is inside or not ranked."""
        if verdict.table is None or verdict.beaten_by is None:
            return ""
        trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
        if self._predictor is not None:
            trainings = self._trainings.of(study, trials)
            found = learned(self._predictor, self._scorer, self._judge.space, trainings)
            if found is not None:
                return self._why_foretold_too_low(study, verdict.table, found.fitted)
        if verdict.beaten_by <= self._keep:
            return ""
        keep = self._keep
        if self._trust:
            keep = 1 - (1 - keep) * self._history.weight(study, trials)
        if verdict.beaten_by <= keep:
            return ""
        return (
            f"score too low: {verdict.beaten_by:.0%} of the reference sample are better, "
            f"the best {keep:.0%} are kept"
        )

    def _why_foretold_too_low(self, study: optuna.Study, table: ScoreTable, fitted: Fitted) -> str:
        # Of networks that are foretold alike, the one of which less is known may be the better.
        here, there = (np.add(*fitted.predict(t)) for t in (table, self._judge.sample(study)))
        better = float(np.mean(there > here[0]))
        if better <= self._keep:
            return ""
        return (
            f"foretold too low: {better:.0%} of the reference sample are higher by mean and "
            f"standard deviation, the best {self._keep:.0%} are kept"
        )


class _ZeroCostHyperbandPruner(ZeroCostPruner, HyperbandPruner):
    """The same around Hyperband: samplers learn from the trials of one bracket."""

    _wrapped_pruner: HyperbandPruner

    def _get_bracket_id(self, study: optuna.Study, trial: FrozenTrial) -> int:
        return self._wrapped_pruner._get_bracket_id(study, trial)
