"""The user's own builder function as a search space."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from zc_plugins._identity import identity
from zc_plugins._read_json import read_json
from zc_plugins._seeding import seeded, torch_state_kept
from zc_plugins.errors import InvalidArgument, MissingParameter, NotAModule
from zc_plugins.spaces._space import SearchSpace


@dataclass(frozen=True)
class Suggestions:
    """What a builder asked for and was given: (name, value) pairs, sorted by name."""

    pairs: tuple[tuple[str, Any], ...]

    @staticmethod
    def of(params: Mapping[str, Any]) -> Suggestions:
        """The suggestions of a parameter dict."""
        return Suggestions(tuple(sorted(params.items())))

    @property
    def params(self) -> dict[str, Any]:
        """As a dict."""
        return dict(self.pairs)


class ModuleSpace:
    """All networks that ``build_model(trial)`` can return.

    The builder asks ``trial.suggest_categorical``, ``suggest_int`` and ``suggest_float`` as in
    Optuna; conditional (define-by-run) choices are fine. Parameters that it does not ask for, such
    as a learning rate, are no part of the architecture. It must not need the study: candidates are
    built without one.

    Args:
        build_model: a trial in, a network out.
        name: identity of the space; by default the builder's name, a digest of its code, and the
            plain values that it captures or that ``functools.partial`` binds.
    """

    def __init__(self, build_model: Callable[[Any], nn.Module], name: str | None = None) -> None:
        if not callable(build_model):
            raise InvalidArgument(
                f"build_model={build_model!r} is not callable: pass a function trial -> nn.Module"
            )
        self.build_model = build_model
        # Once: a captured list may grow.
        self._name = name or identity(build_model)

    @property
    def name(self) -> str:
        """Identity of the space."""
        return self._name

    def sample(self, rng: np.random.Generator) -> Suggestions:
        """A random architecture: each choice uniform, as Optuna's random sampler draws it."""
        return self._run(Proposal({}, rng))

    def mutate(self, architecture: Suggestions, rng: np.random.Generator) -> Suggestions:
        """The architecture with one choice made anew, and those that depend on it."""
        params = architecture.params
        if not params:
            return architecture
        names = sorted(params)
        for _ in range(100):
            kept = dict(params)
            del kept[names[int(rng.integers(len(names)))]]
            neighbour = self._run(Proposal(kept, rng))
            if neighbour != architecture:
                return neighbour
        return architecture

    def build(self, architecture: Suggestions) -> nn.Module:
        """The network of these suggestions, with weights as the builder draws them.

        Raises:
            NotAModule: if the builder returns something else.
            MissingParameter: if the builder asks for a parameter that is not among them.
        """
        return checked_module(self.build_model(Proposal(architecture.params, None)))

    def suggest(self, trial: Any) -> Suggestions:
        """The architecture that a trial chooses: runs the builder, and drops the network.

        Torch's global generators are left as they were.
        """
        asked = _Asked(trial)
        with torch_state_kept():
            checked_module(self.build_model(asked))
        return Suggestions.of(asked.answers)

    def parameters(self, architecture: Suggestions) -> dict[str, Any]:
        """What a trial must hold for ``suggest`` to give this architecture."""
        return architecture.params

    def encode(self, architecture: Suggestions) -> str:
        """A JSON object; values that JSON cannot hold appear as their repr and do not decode."""
        return json.dumps(architecture.params, sort_keys=True, default=repr)

    def decode(self, text: str) -> Suggestions:
        """The suggestions of a JSON object.

        Raises:
            InvalidArgument: if it is none.
        """
        try:
            params = read_json(text)
        except ValueError:
            params = None
        if not isinstance(params, dict):
            raise InvalidArgument(f"{text!r} is no JSON object of parameters: pass encode's text")
        return Suggestions.of(params)

    def canonical(self, architecture: Suggestions) -> Suggestions:
        """Itself: what a builder's networks compute is not known."""
        return architecture

    def _run(self, proposal: Proposal) -> Suggestions:
        with seeded(0):
            checked_module(self.build_model(proposal))
        return Suggestions.of(proposal.params)


def as_space(build_model: Callable[[Any], nn.Module] | SearchSpace[Any]) -> SearchSpace[Any]:
    """A builder function as a space; a space as it is."""
    if isinstance(build_model, SearchSpace):
        return build_model
    return ModuleSpace(build_model)


def checked_module(built: Any) -> nn.Module:
    """What a builder returned, if it is a network.

    Raises:
        NotAModule: otherwise.
    """
    if not isinstance(built, nn.Module):
        raise NotAModule(
            f"build_model returned {type(built).__name__} {built!r}: return a torch.nn.Module"
        )
    return built


class _Asked:
    """A trial that notes which parameters the builder asks for."""

    def __init__(self, trial: Any) -> None:
        self._trial = trial
        self.answers: dict[str, Any] = {}

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        self.answers[name] = self._trial.suggest_categorical(name, choices)
        return self.answers[name]

    def suggest_int(self, name: str, low: float, high: float, **options: Any) -> int:
        self.answers[name] = self._trial.suggest_int(name, low, high, **options)
        return int(self.answers[name])

    def suggest_float(self, name: str, low: float, high: float, **options: Any) -> float:
        self.answers[name] = self._trial.suggest_float(name, low, high, **options)
        return float(self.answers[name])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trial, name)


class Proposal:
    """A trial without a study: answers the builder from given values, or at random.

    Args:
        given: values by name.
        rng: source of the values that are not given or do not fit the range that is asked for;
            None takes all that is given and makes a missing value an error.
    """

    number = -1

    def __init__(self, given: Mapping[str, Any], rng: np.random.Generator | None) -> None:
        self._given, self._rng = dict(given), rng
        self.params: dict[str, Any] = {}
        self.user_attrs: dict[str, Any] = {}

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of the choices."""
        choices = tuple(choices)
        return self._answer(
            name, lambda v: v in choices, lambda rng: choices[int(rng.integers(len(choices)))]
        )

    def suggest_int(
        self, name: str, low: float, high: float, *, step: float = 1, log: bool = False
    ) -> int:
        """An integer in [low, high], a multiple of ``step`` above low."""
        values = range(int(low), int(high) + 1, int(step))

        def draw(rng: np.random.Generator) -> int:
            if log:
                exponent = rng.uniform(math.log(values[0] - 0.5), math.log(values[-1] + 0.5))
                return min(values[-1], max(values[0], round(math.exp(exponent))))
            return values[int(rng.integers(len(values)))]

        return int(_number(name, self._answer(name, values.__contains__, draw)))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A number in [low, high], a multiple of ``step`` above low."""

        def draw(rng: np.random.Generator) -> float:
            if log:
                drawn = math.exp(rng.uniform(math.log(low), math.log(high)))
            elif step is not None:
                drawn = low + step * int(rng.integers(int((high - low) / step + 1e-9) + 1))
            else:
                drawn = float(rng.uniform(low, high))
            # Rounding: 3 * 0.1 > 0.3.
            return min(high, max(low, drawn))

        def fits(value: Any) -> bool:
            if not isinstance(value, (int, float)) or not low <= value <= high:
                return False
            steps = 0.0 if step is None else (value - low) / step
            return abs(steps - round(steps)) < 1e-6

        return float(_number(name, self._answer(name, fits, draw)))

    def set_user_attr(self, key: str, value: Any) -> None:
        """Kept on this object only."""
        self.user_attrs[key] = value

    def set_constraint(self, key: str, value: float) -> None:
        """Ignored: there is no study."""

    def report(self, value: float, step: int) -> None:
        """Ignored: there is no study."""

    def should_prune(self) -> bool:
        """Never."""
        return False

    def _answer(
        self,
        name: str,
        fits: Callable[[Any], bool],
        draw: Callable[[np.random.Generator], Any],
    ) -> Any:
        if name not in self.params:
            # As in Optuna, what a trial holds is taken even out of range.
            if name in self._given and (self._rng is None or fits(self._given[name])):
                self.params[name] = self._given[name]
            elif self._rng is not None:
                self.params[name] = draw(self._rng)
            else:
                raise MissingParameter(
                    f"build_model asks for {name!r}, which is not among the given parameters "
                    f"{sorted(self._given)}: pass the parameters of one trial"
                )
        return self.params[name]


def _number(name: str, value: Any) -> float:
    if not isinstance(value, (int, float)):
        raise InvalidArgument(f"{name!r} is {value!r}: pass a number, as build_model suggests one")
    return value
