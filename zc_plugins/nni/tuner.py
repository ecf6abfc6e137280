"""An HPO tuner that lets another one propose, and takes the most promising network."""

from __future__ import annotations

import functools
import importlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import nni
import numpy as np
from nni.tuner import Tuner
from torch import nn

from zc_plugins.errors import InvalidArgument
from zc_plugins.nni._named import named
from zc_plugins.scorer import Scorer

_logger = logging.getLogger(__name__)


class ZeroCostTuner(Tuner):  # type: ignore[misc]
    """Draws several proposals from another tuner for each trial and gives out the best-scored one.

    Scoring happens in NNI's manager, before a trial's process is started, so a proposal that is
    passed over costs no process. The number of proposals falls as trials finish, to one: what
    training has shown outweighs a score. All arguments are what JSON can hold, for a configuration
    file.

    Args:
        build_model: ``"module:function"``; the function takes the parameters of a trial, as
            ``nni.get_next_parameter()`` gives them, and returns a network.
        input_shape: of one sample, without the batch axis.
        recipe: name in ``zc_plugins.recipes``.
        recipe_args: further arguments of the recipe, e.g. ``{"batch_size": 32}``.
        candidates: proposals for the first trial.
        half_life: finished trials, imported ones included, after which their number has halved;
            None keeps it.
        tuner: name of the tuner that proposes, built in or registered.
        tuner_args: its arguments, e.g. ``{"optimize_mode": "maximize"}``.

    Raises:
        InvalidArgument: if a number is out of range, if recipe, function or tuner are not there, or
            if recipe or tuner do not take their arguments.
    """

    def __init__(
        self,
        build_model: str,
        input_shape: Sequence[int],
        *,
        recipe: str = "az_nas",
        recipe_args: Mapping[str, Any] | None = None,
        candidates: int = 8,
        half_life: float | None = 15,
        tuner: str = "TPE",
        tuner_args: Mapping[str, Any] | None = None,
    ) -> None:
        if candidates < 1 or (half_life is not None and half_life <= 0):
            raise InvalidArgument(
                f"candidates={candidates}, half_life={half_life}: pass 1 or more candidates, and a "
                "positive half-life or None"
            )
        self._build_model = imported(build_model)
        self._scorer = scorer_of(recipe, input_shape, recipe_args)
        self._candidates, self._half_life = candidates, half_life
        self._tuner = named("tuner", tuner, tuner_args)
        self._drawn = self._finished = 0
        # NNI's parameter ids to those under which the wrapped tuner knows the proposals.
        self._known_as: dict[int, int] = {}
        self._ended: set[int] = set()

    def update_search_space(self, search_space: Any) -> None:
        self._tuner.update_search_space(search_space)

    def generate_parameters(self, parameter_id: int, **unstable: Any) -> Any:
        """The parameters of the best-scored proposal.

        Raises:
            NoMoreTrialError: if the wrapped tuner has no proposal left.
        """
        proposals = self._proposals(**unstable)
        best = self._best([parameters for _, parameters in proposals])
        for place, (known_as, _) in enumerate(proposals):
            if place != best:
                self._tuner.trial_end(known_as, False)
        self._known_as[parameter_id], chosen = proposals[best]
        return chosen

    def receive_trial_result(
        self, parameter_id: int, parameters: Any, value: Any, **unstable: Any
    ) -> None:
        self._finished += 1
        known_as = self._known_as[parameter_id]
        if known_as in self._ended:
            # NNI 3.0 tells of the end of the wrong trial where one dies early.
            self._tuner.import_data([{"parameter": parameters, "value": value}])
        else:
            self._tuner.receive_trial_result(known_as, parameters, value, **unstable)

    def trial_end(self, parameter_id: int, success: bool, **unstable: Any) -> None:
        known_as = self._known_as.get(parameter_id)
        if known_as is not None and not success:
            self._ended.add(known_as)
            self._tuner.trial_end(known_as, success, **unstable)

    def import_data(self, data: Any) -> None:
        """Trials that finished before, as a resumed experiment tells of them."""
        self._finished += len(nni.load(data) if isinstance(data, str) else data)
        self._tuner.import_data(data)

    def load_checkpoint(self) -> None:
        self._tuner.load_checkpoint()

    def save_checkpoint(self) -> None:
        self._tuner.save_checkpoint()

    def _proposals(self, **unstable: Any) -> list[tuple[int, Any]]:
        halvings = 0.0 if self._half_life is None else self._finished / self._half_life
        proposals: list[tuple[int, Any]] = []
        for _ in range(max(1, round(self._candidates / 2**halvings))):
            try:
                parameters = self._tuner.generate_parameters(self._drawn, **unstable)
            except nni.NoMoreTrialError:
                if not proposals:
                    raise
                break
            proposals.append((self._drawn, parameters))
            self._drawn += 1
        return proposals

    def _best(self, proposals: list[Any]) -> int:
        """Place of the best-scored; of the first where none can be scored."""
        if len(proposals) == 1:
            return 0
        builders = [functools.partial(self._build_model, parameters) for parameters in proposals]
        table = self._scorer.score(builders, show_progress=False, workers=1)
        numbers = self._scorer.aggregate(table)
        if not np.isfinite(numbers).any():
            _logger.warning("no proposal can be scored: %s", table.reason(0))
            return 0
        return int(np.argmax(numbers))


def imported(name: str) -> Callable[[Any], nn.Module]:
    """The function of a ``"module:function"``.

    Raises:
        InvalidArgument: if it is not there.
    """
    module, _, function = name.partition(":")
    try:
        found: Callable[[Any], nn.Module] = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidArgument(
            f"build_model={name!r} cannot be imported ({error}): pass 'module:function', and the "
            "module's folder as code_directory or on PYTHONPATH"
        ) from error
    return found


def scorer_of(
    recipe: str, input_shape: Sequence[int], arguments: Mapping[str, Any] | None
) -> Scorer:
    """The scorer of a recipe's name.

    Raises:
        InvalidArgument: if there is no such recipe, or it does not take its arguments.
    """
    recipes = importlib.import_module("zc_plugins.recipes")
    make = getattr(recipes, recipe, None)
    if not callable(make) or getattr(make, "__module__", "") != recipes.__name__:
        raise InvalidArgument(f"recipe={recipe!r}: pass the name of a recipe, e.g. 'az_nas'")
    try:
        scorer: Scorer = make(tuple(input_shape), **dict(arguments or {}))
    except InvalidArgument:
        raise
    except (TypeError, ValueError) as error:
        raise InvalidArgument(
            f"recipe={recipe!r} does not take input_shape={input_shape!r} with "
            f"recipe_args={arguments!r} ({error}): pass the sides of one sample, and arguments of "
            f"zc_plugins.recipes.{recipe}, e.g. {{'batch_size': 32}}"
        ) from error
    return scorer
