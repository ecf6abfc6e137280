"""A sampler that lets another one propose, and takes the most promising architecture."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState
from torch import nn

from zc_plugins._admission import Admission
from zc_plugins._score_attributes import score_attributes
from zc_plugins.costs.budget import Budget
from zc_plugins.errors import InvalidArgument
from zc_plugins.optuna._attributes import write
from zc_plugins.optuna._draw import Draw, draw
from zc_plugins.optuna._history import History
from zc_plugins.optuna._study_trainings import StudyTrainings
from zc_plugins.predictors import Predictor
from zc_plugins.scorer import Scorer
from zc_plugins.search._learned import Learned, learned
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.module import as_space


class ZeroCostSampler(BaseSampler):
    """Draws several candidates from a base sampler for each trial and trains the best-scored one.

    Works with any base sampler, in define-by-run and conditional spaces and multi-objective
    studies. Parameters that ``build_model`` does not ask for (a learning rate) stay the base
    sampler's. A candidate that cannot be built or scored is passed over; if all are, the base
    sampler's own proposal is taken, with a warning. ``PartialFixedSampler`` goes inside, around
    the base.

    The number of candidates falls as trials finish, to one, which is still scored and held to the
    budget: what was learned from training outweighs the scores then, and best-of-many proposals
    would keep the base sampler from converging. It falls at once where the finished trials do not
    bear the scores out, and rises again where they do; ``trust(study, scorer)`` tells. With several
    objectives the first value counts as the accuracy.

    With a predictor the scores decide only until it can learn from the COMPLETE trials. From then
    on it is fitted anew for each trial, and the candidate of the greatest expected improvement on
    the best value is trained. Their number does not fall then, since it is the study's own results
    that choose among them. In a resumed study what was trained is scored once more.

    The winner's scores are stored as user attributes ``zc_NAME``; within the objective of the
    same trial ``trial.user_attrs`` does not show them yet.

    Args:
        base: proposes.
        build_model: a trial in, a network out; or a search space.
        scorer: e.g. ``recipes.az_nas(input_shape=(3, 32, 32))``.
        candidates: number of proposals for the first trial, at least 1.
        half_life: finished trials after which the number has halved; None keeps it.
        trust: whether it follows the rank correlation of scores and values too.
        budget: proposals over it are passed over; of at most ``candidates`` draws.
        predictor: e.g. ``predictors.committee.committee()``; says by ``InvalidArgument`` that the
            trials are too few, which ten must not be.

    Raises:
        InvalidArgument: if ``candidates`` or ``half_life`` is out of range.

    Example:
        >>> import optuna
        >>> from torch import nn
        >>> from zc_plugins import recipes
        >>> def build_model(trial):
        ...     return nn.Linear(4, trial.suggest_int("width", 1, 64))
        >>> base = optuna.samplers.RandomSampler(seed=0)
        >>> sampler = ZeroCostSampler(base, build_model, recipes.size((4,)))
        >>> study = optuna.create_study(sampler=sampler)
        >>> trial = study.ask()
        >>> build_model(trial).out_features > 32
        True
    """

    def __init__(
        self,
        base: BaseSampler,
        build_model: Callable[[Any], nn.Module] | SearchSpace[Any],
        scorer: Scorer,
        *,
        candidates: int = 8,
        half_life: float | None = 15,
        budget: Budget | None = None,
        trust: bool = True,
        predictor: Predictor | None = None,
    ) -> None:
        if candidates < 1:
            raise InvalidArgument(f"candidates={candidates}: pass 1 or more")
        if half_life is not None and half_life <= 0:
            raise InvalidArgument(f"half_life={half_life}: pass a positive number or None")
        self._base = base
        self._space = as_space(build_model)
        self._scorer = scorer
        self._candidates, self._half_life, self._trust = candidates, half_life, trust
        self._predictor, self._trainings = predictor, StudyTrainings(self._space)
        self._admission = None if budget is None else Admission(self._space, budget)
        self._history = History(scorer)
        self._drawn = threading.local()

    def reseed_rng(self) -> None:
        self._base.reseed_rng()

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        self._drawn.winner = None
        winner = self._best(study, trial)
        if winner is None:
            return self._base.infer_relative_search_space(study, trial)
        self._drawn.winner = (trial._trial_id, winner)
        return dict(winner.distributions)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        drawn_for, winner = getattr(self._drawn, "winner", None) or (None, None)
        if winner is None or drawn_for != trial._trial_id:
            return self._base.sample_relative(study, trial, search_space)
        # A wrapping sampler may have taken names out.
        return {name: winner.values[name] for name in search_space if name in winner.values}

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self._base.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self._base.before_trial(study, trial)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        self._base.after_trial(study, trial, state, values)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_drawn"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _drawn=threading.local())

    def pressure(self, finished: int, share: float = 1.0) -> int:
        """Number of candidates that are drawn when so many trials are complete.

        Args:
            finished: complete trials.
            share: of their say that the scores keep, in [0, 1].
        """
        fading = 1.0 if self._half_life is None else math.exp2(-finished / self._half_life)
        return max(1, round(self._candidates * fading * share))

    def _wanted(self, study: optuna.Study, trials: list[FrozenTrial]) -> int:
        complete = self._history.complete(study, trials)
        wanted = self.pressure(complete)
        if wanted == 1 or not self._trust:
            return wanted
        return self.pressure(complete, self._history.weight(study, trials))

    def _learned(self, study: optuna.Study, trials: list[FrozenTrial]) -> Learned | None:
        """What the predictor has learned from the study; None if there is none, or nothing yet."""
        if self._predictor is None:
            return None
        trainings = self._trainings.of(study, trials)
        return learned(self._predictor, self._scorer, self._space, trainings)

    def _best(self, study: optuna.Study, trial: FrozenTrial) -> Draw | None:
        """The winner, its scores and the base sampler's attributes stored; None without one."""
        trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
        wanted, found = self._wanted(study, trials), self._learned(study, trials)
        if found is not None:
            wanted = self._candidates
        snapshot = {study._study_id: trials}
        admitted, reason = self._draws(study, trial, wanted, snapshot)
        if not admitted:
            self._warn(reason)
            return None
        # Training the very same trial again teaches nothing.
        fresh = [d for d in admitted if not self._history.holds(d.params)] or admitted
        architectures = [d.architecture for d in fresh]
        table = self._scorer.score(architectures, space=self._space, show_progress=False)
        numbers = self._scorer.aggregate(table) if found is None else found.improvement(table)
        best = int(np.argmax(numbers))
        write(study._storage, trial._trial_id, score_attributes(table, best))
        if self._is_given(trial, fresh[best]):
            return None
        if not np.isfinite(numbers).any():
            self._warn(table.reason(0))
            return None
        for key, value in fresh[best].system_attrs.items():
            study._storage.set_trial_system_attr(trial._trial_id, key, value)
        return fresh[best]

    def _draws(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        wanted: int,
        snapshot: dict[int, list[FrozenTrial]],
    ) -> tuple[list[Draw], str]:
        """Proposals that can be built and afforded, at most ``wanted`` of ``candidates`` draws.

        If none can be afforded, those that can be built; if none can be built, a reason.
        """
        built: list[Draw] = []
        admitted: list[Draw] = []
        reason = ""
        for _ in range(self._candidates):
            candidate = draw(study, trial, self._base, self._space.suggest, snapshot)
            if candidate.reason:
                reason = reason or candidate.reason
                continue
            built.append(candidate)
            if self._admits(candidate):
                admitted.append(candidate)
            if len(admitted) == wanted or self._is_given(trial, candidate):
                break
        return admitted or built, reason

    def _is_given(self, trial: FrozenTrial, candidate: Draw) -> bool:
        """Whether the architecture is no choice: enqueued, or suggested before."""
        fixed: dict[str, Any] = trial.system_attrs.get("fixed_params", {})
        return candidate.params.keys() <= fixed.keys()

    def _admits(self, candidate: Draw) -> bool:
        if self._admission is None:
            return True
        verdict = self._admission.verdict(candidate.architecture)
        # A network whose costs cannot be counted is left to the scores.
        return verdict.admitted or not verdict.counted

    def _warn(self, reason: str) -> None:
        # The same text each time, so that Python shows it once.
        warnings.warn(
            f"no candidate could be scored, so the trial's parameters are the base sampler's: "
            f"{reason}",
            stacklevel=2,
        )
