"""How far two architectures lie apart, by the parameters that make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from zc_plugins._shapes import Float, Int, ndarray


class Encoded(NamedTuple):
    """Architectures as points.

    Attributes:
        numbers: scaled to [0, 1]; NaN where an architecture has none.
        codes: of choices; -1 where an architecture has none.
    """

    numbers: Float[ndarray, "candidates numbers"]
    codes: Int[ndarray, "candidates choices"]


class Choices:
    """Reads parameters as points, between which there is a distance.

    A parameter adds 1 where two architectures choose differently, or only one of them has it at
    all; numbers add the share of the population's different values that lies between them, so that
    neither unit nor scale matters. exp(-distance) is a kernel: each parameter's distance is a
    squared Euclidean one.

    Args:
        population: parameters of many architectures. One whose values are all numbers counts as a
            number, any other as a choice.
    """

    def __init__(self, population: Sequence[Mapping[str, Any]]) -> None:
        values: dict[str, dict[Any, None]] = {}
        for parameters in population:
            for name, value in parameters.items():
                values.setdefault(name, {})[value] = None
        self._numbers = {
            name: np.sort(np.array(list(seen), dtype=np.float64))
            for name, seen in values.items()
            if all(map(_is_number, seen))
        }
        self._codes = {
            name: {value: place for place, value in enumerate(seen)}
            for name, seen in values.items()
            if name not in self._numbers
        }

    def encode(self, candidates: Sequence[Mapping[str, Any]]) -> Encoded:
        """The architectures of these parameters."""
        numbers = np.full((len(candidates), len(self._numbers)), np.nan)
        for column, (name, seen) in enumerate(self._numbers.items()):
            known = np.array([_number(parameters.get(name)) for parameters in candidates])
            numbers[:, column] = np.interp(known, seen, np.linspace(0, 1, len(seen)))
        codes = np.full((len(candidates), len(self._codes)), -1)
        for column, (name, code) in enumerate(self._codes.items()):
            for row, parameters in enumerate(candidates):
                if name in parameters:
                    # What the population has not shown is like nothing but itself.
                    codes[row, column] = code.get(parameters[name], len(code))
        return Encoded(numbers, codes)

    def distance(self, one: Encoded, other: Encoded) -> Float[ndarray, "one other"]:
        """Between each of one and each of the other."""
        total = np.zeros((len(one.numbers), len(other.numbers)))
        for mine, theirs in zip(one.numbers.T, other.numbers.T, strict=True):
            absent = np.isnan(mine)[:, None] != np.isnan(theirs)[None]
            total += np.where(absent, 1.0, np.nan_to_num(np.abs(mine[:, None] - theirs[None])))
        for mine, theirs in zip(one.codes.T, other.codes.T, strict=True):
            total += mine[:, None] != theirs[None]
        return total


def _number(value: Any) -> float:
    return float(value) if _is_number(value) else np.nan


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
