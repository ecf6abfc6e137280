"""The NAS-Bench-301 table: DARTS cells with accuracies that a surrogate predicts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.spaces.darts import OPERATIONS, Cell, Darts, Genotype
from zc_plugins.tables._columns import parquet_columns

_FILE = "nb301_proxies_suitezero.parquet"

_DIGITS_OF_A_CELL, _DIGITS_OF_A_NODE = 16, 4


@dataclass(frozen=True, eq=False)
class NasBench301Table:
    """Accuracies on CIFAR-10 that NAS-Bench-301's surrogate predicts; nobody trained these cells.

    Attributes:
        architectures: as ``Darts`` encodes them, in the order of the file.
        validation: shape (architectures,), percent.
        params: shape (architectures,), of ``Darts(affine=False)``.
    """

    architectures: tuple[str, ...]
    validation: Float[ndarray, " architectures"]
    params: Float[ndarray, " architectures"]


def nasbench301(folder: str | Path | None = None) -> NasBench301Table:
    """Read the table from a folder that holds ``nb301_proxies_suitezero.parquet``.

    Args:
        folder: where the file lies; None looks in ``data.folders()``.

    Raises:
        InvalidArgument: if the file is not there.
        MissingExtra: without pyarrow.

    References:
        Zela et al., NAS-Bench-301, ICLR 2022, arXiv:2008.09777; the cells, 1,218 of them, are those
        of Krishnakumar et al., NAS-Bench-Suite-Zero, NeurIPS 2022, arXiv:2210.03230.
    """
    names = ["code", "val_acc_surrogate", "params"]
    table = parquet_columns(folder, _FILE, names)
    codes, accuracies, millions = (table.column(name).to_pylist() for name in names)
    return NasBench301Table(
        tuple(map(genotype_text, codes)),
        np.asarray(accuracies, np.float64),
        np.round(np.asarray(millions, np.float64) * 1e6),
    )


def genotype_text(code: str) -> str:
    """The text of a code: 32 digits, of the normal cell, then of the reduction cell.

    A pair of digits is an edge: source and place of the operation in ``OPERATIONS``; two pairs are
    a node, its sources in any order.
    """
    middle = _DIGITS_OF_A_CELL
    return Darts().encode(Genotype(_cell(code[:middle]), _cell(code[middle:])))


def _cell(digits: str) -> Cell:
    nodes = []
    for start in range(0, _DIGITS_OF_A_CELL, _DIGITS_OF_A_NODE):
        first, one, second, other = map(int, digits[start : start + _DIGITS_OF_A_NODE])
        (first, one), (second, other) = sorted([(first, one), (second, other)])
        nodes.append(((OPERATIONS[one], first), (OPERATIONS[other], second)))
    return tuple(nodes)
