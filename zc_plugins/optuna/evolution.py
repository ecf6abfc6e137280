"""A sampler that proposes architectures as a training-free search does."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState
from torch import nn

from zc_plugins._admission import Admission
from zc_plugins._score_attributes import PREFIX, score_attributes
from zc_plugins.costs.budget import Budget
from zc_plugins.errors import InvalidArgument
from zc_plugins.optuna._answers import Answers, AnswersByThread, suggestible
from zc_plugins.optuna._attributes import numbers_of, require_distinct, write
from zc_plugins.optuna._claim import Claim, given_architecture
from zc_plugins.optuna._keyed_random import KeyedRandomSampler
from zc_plugins.optuna._study_course import StudyCourse
from zc_plugins.scorer import Scorer
from zc_plugins.search._course import Course
from zc_plugins.search._evolution import Evolution
from zc_plugins.search.individual import Individual
from zc_plugins.search.search import default_evolution
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.module import as_space


class EvolutionSampler(BaseSampler):
    """Proposes the architectures of a training-free search within a budget, as trials of a study.

    The population is made of the study's COMPLETE trials and their scores ``zc_NAME``, never of
    their values: those may be an accuracy, or several. What is proposed depends on stored trials,
    ``seed`` and the trial's number only. So a study that goes on in another process proposes what
    the uninterrupted one would, and, one trial at a time, what ``search`` would with the same
    arguments (while all can be scored: a network that cannot counts in the ranks of ``search``,
    not here). Workers may share a study, each with a sampler of the same arguments; no architecture
    is proposed twice, nor one that is enqueued, running, pruned or failed.

    The objective may be ``score_objective``, which trains nothing, or any that calls
    ``space.suggest(trial)``: a trial that completes without scores is scored then. PRUNED and FAIL
    trials have no children, nor have those of another sampler that lack scores or costs. A trial
    whose process was killed is lost, unless the storage has a heartbeat and
    ``RetryHeartbeatStaleTrialCallback``.

    Where ``patience`` runs out, the trial's parameters are left to ``others``, with a warning; they
    may be over the budget, so hold the objective to it too.

    Args:
        space: that is ``Suggestible``, or a builder function.
        scorer: e.g. ``recipes.zen_nas(input_shape=(3, 32, 32))``.
        budget: asked before anything is proposed; None admits all. Its costs are stored as
            ``zc_NAME``, latency too, which is measured once.
        by: as in ``search``: ``ZenEvolution()``, ``AzEvolution()``, ``FrontEvolution("latency")``
            or ``RandomSearch()``.
        scored_in: space whose networks are scored in place of ``space``'s, as in ``search``.
        others: samples all parameters that are not the architecture's, a learning rate, say; at
            random where None.
        patience: proposals in a row that may be over the budget or known already.
        seed: of the proposals.

    Raises:
        InvalidArgument: if the space is not ``Suggestible``, or ``by`` does not fit the scorer.

    Example:
        >>> import optuna
        >>> from zc_plugins import recipes
        >>> from zc_plugins.optuna import score_objective
        >>> from zc_plugins.spaces.nasbench201 import NasBench201
        >>> space, scorer = NasBench201(4, 1), recipes.zen_nas((3, 8, 8))
        >>> budget = Budget((3, 8, 8), flops=3e5)
        >>> sampler = EvolutionSampler(space, scorer, budget)
        >>> study = optuna.create_study(sampler=sampler, direction="maximize")
        >>> study.optimize(score_objective(space, scorer, budget), n_trials=5)
        >>> sampler.best(study)[0].scores[0] == study.best_value
        True
    """

    def __init__(
        self,
        space: Callable[[Any], nn.Module] | SearchSpace[Any],
        scorer: Scorer,
        budget: Budget | None = None,
        *,
        by: Evolution | None = None,
        scored_in: SearchSpace[Any] | None = None,
        others: BaseSampler | None = None,
        patience: int = 1000,
        seed: int = 0,
    ) -> None:
        if patience < 1 or seed < 0:
            raise InvalidArgument(
                f"patience={patience}, seed={seed}: pass 1 or more, and a seed of 0 or more"
            )
        require_distinct(scorer, budget, scored_in)
        self._space = as_space(space)
        self._suggestible = suggestible(self._space)
        self._scorer, self._budget = scorer, budget
        self._by = default_evolution(scorer) if by is None else by
        self._by.begin(self._space, scorer)
        self._networks = self._space if scored_in is None else scored_in
        self._admission = None if budget is None else Admission(self._space, budget, scorer.device)
        self._others = KeyedRandomSampler(seed) if others is None else others
        self._patience, self._seed = patience, seed
        self._course: StudyCourse | None = None
        self._kept, self._turn = AnswersByThread(), threading.RLock()

    def best(self, study: optuna.Study) -> list[Individual]:
        """What the evolution has found so far: the members, best first, or the front."""
        with self._turn:
            return self._course_of(study).best()

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
        own = {"_turn", "_course"}
        return {name: value for name, value in self.__dict__.items() if name not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # The course is made anew from the study.
        own = {"_turn": threading.RLock(), "_course": None}
        self.__dict__.update(state, **own)

    def _answers(self, study: optuna.Study, trial: FrozenTrial) -> Answers:
        """The parameters of a new architecture; none where it is given, or none was found."""
        if given_architecture(self._space, trial) is not None:
            return Answers(trial._trial_id)
        with self._turn:
            proposal = self._course_of(study).propose(trial, self._patience)
        if proposal is None:
            # The same text each time, so that Python shows it once.
            warnings.warn(
                f"none of {self._patience} proposals was new and within the budget, so the "
                "trial's parameters are the other sampler's: raise the limits, or end the study",
                stacklevel=2,
            )
            return Answers(trial._trial_id)
        write(study._storage, trial._trial_id, self._cost_attributes(proposal.costs))
        return Answers.of(self._suggestible, trial, proposal.architecture)

    def _course_of(self, study: optuna.Study) -> StudyCourse:
        if self._course is None or not self._course.follows(study):
            population = self._by.begin(self._space, self._scorer)
            course = Course(self._space, self._admission, population, self._seed)
            names = [proxy.name for proxy in self._scorer.proxies]
            self._course = StudyCourse(study, self._space, self._budget, names, course)
        return self._course

    def _missing(self, trial: FrozenTrial) -> dict[str, float | str]:
        """The scores and costs that a trial needs to be a member and has not."""
        architecture = given_architecture(self._space, trial)
        if architecture is None:
            return {}
        missing: dict[str, float | str] = {}
        if numbers_of(trial, (proxy.name for proxy in self._scorer.proxies)) is None:
            table = self._scorer.score(
                [architecture], space=self._networks, show_progress=False, workers=1
            )
            missing |= score_attributes(table, 0)
        if self._admission is None:
            return missing
        claim, key = Claim.of(trial), self._space.encode(self._space.canonical(architecture))
        # A wrapping sampler, or who enqueued a part, may have changed what was proposed.
        changed = claim is not None and claim.key != key
        if changed or numbers_of(trial, self._admission.budget.limited) is None:
            missing |= self._cost_attributes(self._admission.verdict(architecture).costs)
        return missing

    def _cost_attributes(self, costs: Mapping[str, float]) -> dict[str, float | str]:
        """Where a cost is a score too, the score tells it."""
        scores = {proxy.name for proxy in self._scorer.proxies}
        return {f"{PREFIX}{name}": cost for name, cost in costs.items() if name not in scores}
