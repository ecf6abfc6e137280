"""What predictors read off a table, as columns of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument, MissingStatistic
from zc_plugins.predictors._graph_columns import GraphColumns
from zc_plugins.predictors._layer_columns import LayerColumns
from zc_plugins.predictors._parameter_columns import ParameterColumns
from zc_plugins.predictors._score_columns import ScoreColumns
from zc_plugins.scores import ScoreTable


@runtime_checkable
class Columns(Protocol):
    """One kind of columns, fixed by the training set; each row is read alone."""

    def matrix(self, table: ScoreTable) -> Float[ndarray, "candidates columns"]:
        """Finite numbers."""
        ...


READERS: Mapping[str, Callable[[ScoreTable], Columns]] = {
    "scores": ScoreColumns.of,
    "parameters": ParameterColumns.of,
    "graph": GraphColumns.of,
    "layers": LayerColumns.of,
}
"""Kinds of columns, each made of a training set."""


@dataclass(frozen=True, eq=False)
class Joined:
    """Columns of several kinds, each of mean 0 and variance 1 in the training set.

    Attributes:
        kinds: by key of ``READERS``, those of the training set.
        mean: of each column.
        std: of each column; infinite where it is constant, so that it stays 0.
    """

    kinds: Mapping[str, Columns]
    mean: Float[ndarray, " columns"]
    std: Float[ndarray, " columns"]

    def matrix(
        self, table: ScoreTable, read: dict[str, ndarray] | None = None
    ) -> Float[ndarray, "candidates columns"]:
        """The standardised columns.

        Args:
            table: any.
            read: kinds that were read off this table by readers of the same training set; those
                that are read here are put in.
        """
        known = {} if read is None else read
        for kind, reader in self.kinds.items():
            if kind not in known:
                known[kind] = reader.matrix(table)
        numbers = np.concatenate([known[kind] for kind in self.kinds], axis=1)
        return (numbers - self.mean) / self.std


def joined(table: ScoreTable, reads: Sequence[str]) -> Joined:
    """Columns of a training set.

    Args:
        table: the training set.
        reads: keys of ``READERS``.

    Raises:
        MissingStatistic: if the table holds nothing of a kind.
    """
    kinds = {kind: READERS[kind](table) for kind in reads}
    matrices = [reader.matrix(table) for reader in kinds.values()]
    for kind, matrix in zip(kinds, matrices, strict=True):
        if not matrix.shape[1]:
            raise MissingStatistic(f"the table has no {kind}: read one of {held(table)}")
    numbers = np.concatenate(matrices, axis=1)
    std = numbers.std(axis=0)
    # Rounding leaves a constant column a deviation of its last digit.
    constant = std <= 1e-9 * (1 + np.abs(numbers).max(axis=0))
    return Joined(kinds, numbers.mean(axis=0), np.where(constant, np.inf, std))


def held(table: ScoreTable) -> list[str]:
    """The kinds of columns of which a table holds something."""
    return [kind for kind, reader in READERS.items() if reader(table).matrix(table).shape[1]]


def require_kinds(reads: Sequence[str] | None) -> None:
    """Refuse an unknown kind.

    Raises:
        InvalidArgument: with the known ones.
    """
    if reads is not None and (not reads or not set(reads) <= READERS.keys()):
        raise InvalidArgument(f"reads={list(reads)}: pass some of {list(READERS)}")
