"""The search space of an NNI HPO experiment as a search space."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces.module import ModuleSpace


def hpo_space(
    build_model: Callable[[dict[str, Any]], nn.Module], search_space: Mapping[str, Any]
) -> ModuleSpace:
    """The networks that a builder makes of the parameters of an HPO experiment.

    Args:
        build_model: parameters in, as ``nni.get_next_parameter()`` gives them; a network out. What
            it does not look at (a learning rate) does not matter.
        search_space: as in the experiment's configuration: ``_type`` and ``_value`` by name.
            Nested choices are fine.

    Raises:
        InvalidArgument: if the search space holds a type that NNI does not have.
    """

    def build(trial: Any) -> nn.Module:
        return build_model(_suggested(trial, search_space, ""))

    build.__qualname__ = getattr(build_model, "__qualname__", "build_model")
    _checked(search_space)
    return ModuleSpace(build)


def _suggested(trial: Any, space: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name: _choice(trial, f"{prefix}{name}", spec) for name, spec in space.items()}


def _choice(trial: Any, name: str, spec: Mapping[str, Any]) -> Any:
    kind, values = spec["_type"], spec["_value"]
    if kind == "choice":
        place = trial.suggest_categorical(name, range(len(values)))
        value = values[place]
        if isinstance(value, Mapping) and "_name" in value:
            inner = {key: part for key, part in value.items() if key != "_name"}
            return {"_name": value["_name"], **_suggested(trial, inner, f"{name}/")}
        return value
    return _number(trial, name, kind, values)


def _number(trial: Any, name: str, kind: str, values: Any) -> float:
    if kind == "randint":
        return int(trial.suggest_int(name, values[0], values[1] - 1))
    if "normal" in kind:
        mean, deviation = values[:2]
        # Four deviations hold all but one draw in 16,000.
        drawn = trial.suggest_float(name, mean - 4 * deviation, mean + 4 * deviation)
        number = math.exp(drawn) if "log" in kind else drawn
    else:
        number = trial.suggest_float(name, values[0], values[1], log="log" in kind)
    if kind.startswith("q"):
        number = round(number / values[2]) * values[2]
        if kind in ("quniform", "qloguniform"):
            number = min(max(number, values[0]), values[1])
    return float(number)


_KINDS = (
    "choice", "randint", "uniform", "quniform", "loguniform", "qloguniform", "normal", "qnormal",
    "lognormal", "qlognormal",
)  # fmt: skip


def _checked(space: Mapping[str, Any]) -> None:
    for name, spec in space.items():
        if not isinstance(spec, Mapping) or spec.get("_type") not in _KINDS or "_value" not in spec:
            raise InvalidArgument(
                f"{name!r} is {spec!r}: pass {{'_type': one of {_KINDS}, '_value': [...]}}"
            )
        if spec["_type"] == "choice":
            for value in spec["_value"]:
                if isinstance(value, Mapping) and "_name" in value:
                    _checked({key: part for key, part in value.items() if key != "_name"})
