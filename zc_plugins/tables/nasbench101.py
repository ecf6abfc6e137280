"""The NAS-Bench-101 table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from zc_plugins._optional import require
from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces.nasbench101 import OPERATIONS, Cell, NasBench101

ROWS = 423_624
"""Cells of the benchmark."""

_FILE, _VALIDATION_FILE = "nb101_full.parquet", "nb101_multifidelity_20k.parquet"


@dataclass(frozen=True, eq=False)
class NasBench101Table:
    """Accuracies on CIFAR-10 after 108 epochs.

    Attributes:
        architectures: texts of ``spaces.nasbench101``, in the order of the cells' published hashes.
        test: shape (architectures,), percent, mean of three runs.
        params: shape (architectures,), of the network with 128 channels and 10 classes.
        validation: shape (architectures,), percent, of one run; known for the first 20,001 cells
            (a random sample, since hashes are in no order), NaN for the others.
        train_seconds: shape (architectures,), of that run, as recorded; NaN for the same cells.
    """

    architectures: tuple[str, ...]
    test: Float[ndarray, " architectures"]
    params: Float[ndarray, " architectures"]
    validation: Float[ndarray, " architectures"]
    train_seconds: Float[ndarray, " architectures"]


def nasbench101(folder: str | Path, rows: Sequence[int] | None = None) -> NasBench101Table:
    """Read cells of the table from a folder that holds its two parquet files.

    Args:
        folder: where ``nb101_full.parquet`` and ``nb101_multifidelity_20k.parquet`` lie.
        rows: places of the wanted cells, from 0 to ``ROWS`` - 1, in the order of the answer; all
            where None, which takes seconds to put into text.

    Raises:
        InvalidArgument: if a file is not there, or a row is out of range.
        MissingExtra: without pyarrow.
    """
    if rows is not None and not all(0 <= row < ROWS for row in rows):
        raise InvalidArgument(f"rows={rows!r}: pass numbers from 0 to {ROWS - 1}")
    names = ["vertices", "adj_bits", "ops", "test_acc_108", "params"]
    cells = _columns(folder, _FILE, names)
    some = _columns(folder, _VALIDATION_FILE, ["val_acc_108", "train_time_108_s"])
    known = np.full((2, cells.num_rows), np.nan)
    known[:, : some.num_rows] = [some.column(place).to_numpy() for place in range(2)]
    if rows is not None:
        cells, known = cells.take(list(rows)), known[:, list(rows)]
    vertices, bits, digits, test, params = (cells.column(name).to_pylist() for name in names)
    return NasBench101Table(
        tuple(map(_text, vertices, bits, digits)),
        # The file holds single precision: four decimals are what was published.
        np.round(np.asarray(test, np.float64), 4),
        np.asarray(params, np.float64),
        known[0],
        known[1],
    )


def _columns(folder: str | Path, file: str, names: list[str]) -> Any:
    path = Path(folder) / file
    if not path.is_file():
        raise InvalidArgument(f"folder={str(folder)!r} holds no {file}: pass the folder that does")
    return require("pyarrow.parquet", extra="tables").read_table(path, columns=names)


def _text(vertices: int, bits: int, digits: str) -> str:
    operations = tuple(OPERATIONS[int(digit)] for digit in digits)
    return NasBench101().encode(Cell(operations, _edges(vertices, bits)))


@cache
def _edges(vertices: int, bits: int) -> tuple[tuple[int, int], ...]:
    """The edges of a row: the one from x to y is bit x + y (y - 1) / 2."""
    pairs = combinations(range(vertices), 2)
    return tuple((x, y) for x, y in pairs if bits >> (x + y * (y - 1) // 2) & 1)
