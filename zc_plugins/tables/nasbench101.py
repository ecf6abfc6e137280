"""The NAS-Bench-101 table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces.nasbench101 import OPERATIONS, Cell, NasBench101
from zc_plugins.tables._columns import numbers, parquet_columns

ROWS = 423_624
"""Cells of the benchmark."""

KNOWN_ROWS = 20_001
"""Cells, the first ones, of which validation and seconds are known."""

EPOCHS = (4, 12, 36, 108)
"""Of the four trainings."""

_FILE, _VALIDATION_FILE = "nb101_full.parquet", "nb101_multifidelity_20k.parquet"


@dataclass(frozen=True, eq=False)
class NasBench101Table:
    """Accuracies on CIFAR-10 after 108 epochs; a ``Table``.

    Attributes:
        architectures: canonical texts of ``NasBench101``, in the order of the cells' published
            hashes.
        test: shape (architectures,), percent, mean of three runs.
        params: shape (architectures,), of the network with 128 channels and 10 classes.
        validation: shape (architectures,), percent, of one run; known for the first
            ``KNOWN_ROWS`` cells (a random sample, since hashes are in no order), NaN elsewhere.
        train_seconds: shape (architectures,), of that run, as recorded; NaN for the same cells.
        fidelities: validation by epochs, ``EPOCHS``, each under a schedule of its own; NaN for the
            same cells.
        space: of the benchmark's sizes.
    """

    architectures: tuple[str, ...]
    test: Float[ndarray, " architectures"]
    params: Float[ndarray, " architectures"]
    validation: Float[ndarray, " architectures"]
    train_seconds: Float[ndarray, " architectures"]
    fidelities: Mapping[int, Float[ndarray, " architectures"]]
    space: NasBench101
    dataset: str = "cifar10"
    metric: str = "top-1 accuracy, percent"
    one_training: bool = False


def nasbench101(
    folder: str | Path | None = None, rows: Sequence[int] | None = None
) -> NasBench101Table:
    """Read cells of the table from a folder that holds its two parquet files.

    Args:
        folder: where ``nb101_full.parquet`` and ``nb101_multifidelity_20k.parquet`` lie; None
            looks in ``data.folders()``.
        rows: places of the wanted cells, from 0 to ``ROWS`` - 1, in the order of the answer;
            ``range(KNOWN_ROWS)`` are those with all fidelities; all where None, which takes seconds
            to put into text.

    Raises:
        InvalidArgument: if a file is not there, or a row is out of range.
        MissingExtra: without pyarrow.

    References:
        Ying et al., NAS-Bench-101, ICML 2019, arXiv:1902.09635.
    """
    if rows is not None and not all(0 <= row < ROWS for row in rows):
        raise InvalidArgument(f"rows={rows!r}: pass numbers from 0 to {ROWS - 1}")
    of_cells = ["vertices", "adj_bits", "ops"]
    cells = parquet_columns(folder, _FILE, [*of_cells, "test_acc_108", "params"])
    names = [*(f"val_acc_{epochs}" for epochs in EPOCHS), "train_time_108_s"]
    some = parquet_columns(folder, _VALIDATION_FILE, names)
    known = np.full((len(names), cells.num_rows), np.nan)
    known[:, : some.num_rows] = [numbers(some, name) for name in names]
    if rows is not None:
        cells, known = cells.take(list(rows)), known[:, list(rows)]
    return NasBench101Table(
        tuple(map(_text, *(cells.column(name).to_pylist() for name in of_cells))),
        # The file holds single precision: four decimals are what was published.
        np.round(numbers(cells, "test_acc_108"), 4),
        numbers(cells, "params"),
        known[len(EPOCHS) - 1],
        known[len(EPOCHS)],
        dict(zip(EPOCHS, known[: len(EPOCHS)], strict=True)),
        NasBench101(),
    )


def _text(vertices: int, bits: int, digits: str) -> str:
    operations = tuple(OPERATIONS[int(digit)] for digit in digits)
    return NasBench101().encode(Cell(operations, _edges(vertices, bits)))


@cache
def _edges(vertices: int, bits: int) -> tuple[tuple[int, int], ...]:
    """The edges of a row: the one from x to y is bit x + y (y - 1) / 2."""
    pairs = combinations(range(vertices), 2)
    return tuple((x, y) for x, y in pairs if bits >> (x + y * (y - 1) // 2) & 1)
