"""The parameters that make an architecture as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.scores import ScoreTable


@dataclass(frozen=True, eq=False)
class ParameterColumns:
    """One column a choice (0 or 1), one a number; 0 where a candidate lacks the parameter.

    Attributes:
        choices: pairs of a parameter's name and a value.
        numbers: names of parameters whose values in the training set are all numbers.
    """

    choices: tuple[tuple[str, Any], ...]
    numbers: tuple[str, ...]

    @staticmethod
    def of(table: ScoreTable) -> ParameterColumns:
        """The columns of a training set."""
        values: dict[str, dict[Any, None]] = {}
        for parameters in table.parameters:
            for name, value in parameters.items():
                values.setdefault(name, {})[value] = None
        numbers = tuple(name for name, seen in values.items() if all(map(_is_number, seen)))
        choices = [(name, v) for name, seen in values.items() if name not in numbers for v in seen]
        return ParameterColumns(tuple(choices), numbers)

    def matrix(self, table: ScoreTable) -> Float[ndarray, "candidates columns"]:
        """A value that the training set has not shown is 0 in every column of its parameter."""
        rows = [
            [
                *(float(parameters.get(name) == value) for name, value in self.choices),
                *(_number(parameters.get(name)) for name in self.numbers),
            ]
            for parameters in table.parameters
        ]
        return np.array(rows, dtype=np.float64).reshape(len(table), -1)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: Any) -> float:
    return float(value) if _is_number(value) else 0.0
