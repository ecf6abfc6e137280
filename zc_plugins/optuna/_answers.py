"""Answers to a trial's questions about its architecture, beside another sampler's to the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FixedTrial, FrozenTrial

from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces import SearchSpace, Suggestible


@dataclass(frozen=True)
class Answers:
    """What a trial's questions about its architecture are answered with; nothing by default."""

    trial_id: int
    params: dict[str, Any] = field(default_factory=dict)
    distributions: dict[str, BaseDistribution] = field(default_factory=dict)

    @staticmethod
    def of(space: Suggestible[Any], trial: FrozenTrial, architecture: Any) -> Answers:
        """Those that make ``space.suggest`` give this architecture."""
        asked = FixedTrial(space.parameters(architecture))
        space.suggest(asked)
        return Answers(trial._trial_id, asked.params, asked.distributions)


Make = Callable[[optuna.Study, FrozenTrial], Answers]


class AnswersByThread:
    """Keeps a trial's answers between the two questions that Optuna asks a sampler.

    Threads share a sampler, and a thread has one trial at a time.
    """

    def __init__(self) -> None:
        self._kept = threading.local()

    def space(
        self, study: optuna.Study, trial: FrozenTrial, make: Make, others: BaseSampler
    ) -> dict[str, BaseDistribution]:
        """For ``infer_relative_search_space``: the other sampler's, and the architecture's."""
        answers = self._kept.answers = make(study, trial)
        theirs = others.infer_relative_search_space(study, trial)
        return {**theirs, **answers.distributions}

    def values(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],
        make: Make,
        others: BaseSampler,
    ) -> dict[str, Any]:
        """For ``sample_relative``, which may be called without the other."""
        answers = getattr(self._kept, "answers", None)
        if answers is None or answers.trial_id != trial._trial_id:
            answers = make(study, trial)
        # A wrapping sampler may have taken names out.
        params = {name: v for name, v in answers.params.items() if name in search_space}
        rest = {name: d for name, d in search_space.items() if name not in params}
        return {**others.sample_relative(study, trial, rest), **params}

    def __reduce__(self) -> tuple[type[AnswersByThread], tuple[()]]:
        return AnswersByThread, ()


def suggestible(space: SearchSpace[Any]) -> Suggestible[Any]:
    """The space, if it can tell the parameters of an architecture.

    Raises:
        InvalidArgument: otherwise.
    """
    if not isinstance(space, Suggestible):
        raise InvalidArgument(
            f"space {space.name!r} cannot tell the parameters of an architecture: give "
            "it parameters(architecture), the inverse of suggest(trial)"
        )
    return space
