"""A sampler that filters without training, then trains a few: the one to begin with."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState
from torch import nn

from zc_plugins._score_attributes import score_attributes
from zc_plugins.costs.budget import Budget
from zc_plugins.optuna._answers import Answers, AnswersByThread, suggestible
from zc_plugins.optuna._attributes import numbers_of, write
from zc_plugins.optuna._claim import Claim, given_architecture
from zc_plugins.optuna._study_trainings import StudyTrainings
from zc_plugins.predictors import Predictor
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.search.filter_then_train import FilterThenTrain
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.module import as_space

MOMENT_SECONDS = 0.02
"""Within which a trial looks again that has met another one's claim; twice as long each time."""


class FilterThenTrainSampler(BaseSampler):
    """Proposes the best of a scored pool, then what scores and the study's trainings promise.

    The first trial scores a random pool without training; it and the next ones get the pool's
    best. Then a Gaussian process learns from the finished trials which architectures are better
    than their scores, and worse, and each trial gets the one of the greatest expected improvement,
    of the pool and of neighbours of the best so far. Misleading scores are outvoted as trials
    finish.

    With a pruner that stops trials early (``SuccessiveHalvingPruner``), the values that pruned
    trials had reached are learned from as well: many short trainings and a few whole ones find more
    in the same time.

    Everything is derived from the study's trials, so a study can be resumed, and have several
    workers: each scores the pool once, or its part of it where their scorers share a ``cache``, and
    none proposes what another one is training. The scores are stored as ``zc_NAME``. With several
    objectives the first value counts.

    Args:
        build_model: a trial in, a network out; or a search space that is ``Suggestible``.
        scorer: e.g. ``recipes.az_nas(input_shape=(3, 32, 32))``.
        first: the pool's best that are trained before the trainings are asked, at least 2; five
            times as many where trainings are stopped early.
        pool: random architectures to score at the start.
        neighbours: architectures near the best to score before each further trial.
        budget: architectures over it are neither scored nor proposed.
        predictor: in place of the Gaussian process, e.g. ``predictors.committee.committee()``, once
            the COMPLETE trials, of which alone it learns, are enough for it.
        others: samples all parameters that are not the architecture's, a learning rate, say; TPE
            where None.
        seed: of the pool and the neighbours.

    Raises:
        InvalidArgument: if a number is out of range, or the space not ``Suggestible``.

    Example:
        >>> import optuna
        >>> from torch import nn
        >>> from zc_plugins import recipes
        >>> def build_model(trial):
        ...     return nn.Linear(4, trial.suggest_int("width", 1, 64))
        >>> sampler = FilterThenTrainSampler(build_model, recipes.size((4,)))
        >>> study = optuna.create_study(sampler=sampler, direction="maximize")
        >>> study.optimize(lambda trial: -abs(build_model(trial).out_features - 50), n_trials=12)
        >>> 48 <= study.best_params["width"] <= 52
        True
    """

    def __init__(
        self,
        build_model: Callable[[Any], nn.Module] | SearchSpace[Any],
        scorer: Scorer,
        *,
        first: int = 3,
        pool: int = 1000,
        neighbours: int = 30,
        budget: Budget | None = None,
        predictor: Predictor | None = None,
        others: BaseSampler | None = None,
        seed: int = 0,
    ) -> None:
        self._space = as_space(build_model)
        self._suggestible = suggestible(self._space)
        self._scorer = scorer
        self._course = FilterThenTrain(
            self._space, scorer, first=first, pool=pool, neighbours=neighbours, budget=budget,
            predictor=predictor, seed=seed,
        )  # fmt: skip
        self._others = TPESampler(seed=seed) if others is None else others
        self._trainings = StudyTrainings(self._space)
        self._kept, self._turn = AnswersByThread(), threading.RLock()

    def reseed_rng(self) -> None:
        self._others.reseed_rng()

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self._kept.space(study, trial, self._answers, self._others)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._kept.values(study, trial, search_space, self._answers, self._others)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self._others.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self._others.before_trial(study, trial)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        if state == TrialState.COMPLETE:
            write(study._storage, trial._trial_id, self._missing(trial))
        self._others.after_trial(study, trial, state, values)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_turn"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _turn=threading.RLock())

    def _answers(self, study: optuna.Study, trial: FrozenTrial) -> Answers:
        """The parameters of the next architecture; none where it is given, or none is left."""
        if given_architecture(self._space, trial) is not None:
            return Answers(trial._trial_id)
        with self._turn:
            proposal = self._claimed(study, trial)
        if proposal is None:
            # The same text each time, so that Python shows it once.
            warnings.warn(
                "no architecture is left that is new, scored and within the budget, so the "
                "trial's parameters are the other sampler's: end the study, or raise the limits",
                stacklevel=2,
            )
            return Answers(trial._trial_id)
        architecture, table = proposal
        write(study._storage, trial._trial_id, score_attributes(table, 0))
        return Answers.of(self._suggestible, trial, architecture)

    def _missing(self, trial: FrozenTrial) -> dict[str, float | str]:
        """The scores of a trial whose architecture was given or changed, for ``trust`` to read."""
        architecture = given_architecture(self._space, trial)
        if architecture is None:
            return {}
        claim = Claim.of(trial)
        # A wrapping sampler, or who enqueued a part, may have changed what was proposed.
        kept = claim is None or claim.key == self._course.key(architecture)
        names = (proxy.name for proxy in self._scorer.proxies)
        if kept and numbers_of(trial, names) is not None:
            return {}
        table = self._scorer.score(
            [architecture], space=self._space, show_progress=False, workers=1
        )
        return score_attributes(table, 0)

    def _claimed(self, study: optuna.Study, trial: FrozenTrial) -> tuple[Any, ScoreTable] | None:
        """The next architecture and its scores, claimed by no other trial, in whichever process.

        Of two that claim the same at the same moment, at least one sees the other's claim. Who does
        gives its own back, and looks again after a moment of its own.
        """
        # The first time it takes long, and what the others do meanwhile must be known.
        self._course.score_pool()
        moment = MOMENT_SECONDS
        while True:
            trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
            ended = {t._trial_id for t in trials if t.state.is_finished()}
            # Not its own claim: one that Optuna starts again has that of its first attempt.
            others = [t for t in trials if t._trial_id not in ended and t.number != trial.number]
            busy = set(map(self._taken_by, others))
            trainings = self._trainings.of(study, trials)
            proposal = self._course.propose(trainings, busy, trial.number)
            key = "" if proposal is None else self._course.key(proposal[0])
            Claim(trial.number, key).write(study._storage, trial._trial_id)
            if proposal is None:
                return None
            trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
            # Also what another one has trained from its beginning to its end since.
            others = [t for t in trials if t._trial_id not in ended and t.number != trial.number]
            if all(self._taken_by(t) != key for t in others):
                return proposal
            Claim(trial.number, "").write(study._storage, trial._trial_id)
            time.sleep(np.random.default_rng().uniform(0, moment))
            moment *= 2

    def _taken_by(self, trial: FrozenTrial) -> str:
        """Key of the architecture that the trial trains, or waits to train; empty if of none."""
        claim = Claim.of(trial)
        claimed = "" if claim is None else claim.key
        # A part that was given changes what was claimed.
        if claimed and "fixed_params" not in trial.system_attrs:
            return claimed
        architecture = given_architecture(self._space, trial)
        return claimed if architecture is None else self._course.key(architecture)
