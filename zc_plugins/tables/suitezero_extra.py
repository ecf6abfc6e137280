"""NAS-Bench-Suite-Zero's accuracies on three data sets beyond the benchmarks' own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces.nasbench201 import Cell as NasBench201Cell
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.spaces.transnasbench101_micro import Cell as MicroCell
from zc_plugins.spaces.transnasbench101_micro import TransNasBench101Micro
from zc_plugins.tables._columns import parquet_columns
from zc_plugins.tables.nasbench301 import genotype_text

DATASETS = {"svhn": "svhn", "ninapro": "ninapro", "spherical-cifar100": "scifar100"}
"""Names here, and those of the file."""

_FILE = "suitezero_9extra_datasets.parquet"

_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
"""Digits 0 to 4 of the file's codes, as NASLib has them; micro cells have no 4."""

_PLACES = (0, 1, 3, 2, 4, 5)
"""Of the edges of ``nasbench201.EDGES`` in the file's codes: (0, 1) (0, 2) (0, 3) (1, 2) ..."""


@dataclass(frozen=True, eq=False)
class SuiteZeroExtraTable:
    """Validation accuracies of one space's architectures on the three data sets.

    Attributes:
        architectures: texts of the space, in the order of the file.
        validation: by data set, each of shape (architectures,), percent, of one training. The one
            of NAS-Bench-201 on spherical CIFAR-100 is doubtful: its rank correlation with CIFAR-100
            is -.14, where SVHN's is +.91.
        params: by data set, each of shape (architectures,), of the network that was scored there:
            NinaPro's has one input channel where ours have three; of NAS-Bench-301 it is that of
            ``Darts(affine=False)``.
    """

    architectures: tuple[str, ...]
    validation: Mapping[str, Float[ndarray, " architectures"]]
    params: Mapping[str, Float[ndarray, " architectures"]]


def suitezero_extra(
    folder: str | Path | None = None, space: str = "nasbench201"
) -> SuiteZeroExtraTable:
    """Read one space's table from a folder that holds ``suitezero_9extra_datasets.parquet``.

    Args:
        folder: where the file lies; None looks in ``data.folders()``.
        space: a key of ``SPACES``: ``"nasbench201"``, 199 cells; ``"transnasbench101-micro"``, 192
            cells; or ``"nasbench301"``, 199 genotypes of ``spaces.darts``.

    Raises:
        InvalidArgument: if the space is another one, or the file is not there.
        MissingExtra: without pyarrow.

    References:
        Krishnakumar et al., NAS-Bench-Suite-Zero, NeurIPS 2022, arXiv:2210.03230; the data sets are
        those of Tu et al., NAS-Bench-360, NeurIPS 2022, arXiv:2110.05668, and SVHN.
    """
    if space not in SPACES:
        raise InvalidArgument(f"space={space!r}: pass one of {tuple(SPACES)}")
    names = ["space", "dataset", "code", "val_acc", "params"]
    rows = parquet_columns(folder, _FILE, names).to_pylist()
    named, text = SPACES[space]
    by_dataset = {
        dataset: {r["code"]: r for r in rows if (r["space"], r["dataset"]) == (named, short)}
        for dataset, short in DATASETS.items()
    }
    codes = list(by_dataset["svhn"])
    return SuiteZeroExtraTable(
        tuple(map(text, codes)),
        {d: np.array([found[c]["val_acc"] for c in codes]) for d, found in by_dataset.items()},
        {
            d: np.array([round(found[c]["params"] * 1e6) for c in codes], np.float64)
            for d, found in by_dataset.items()
        },
    )


def _operations(code: str) -> tuple[str, ...]:
    return tuple(_OPERATIONS[int(code[place])] for place in _PLACES)


def _nasbench201(code: str) -> str:
    return NasBench201().encode(NasBench201Cell(_operations(code)))


def _micro(code: str) -> str:
    return TransNasBench101Micro().encode(MicroCell(_operations(code)))


SPACES = {
    "nasbench201": ("nasbench201", _nasbench201),
    "transnasbench101-micro": ("transbench101_micro", _micro),
    "nasbench301": ("nasbench301", genotype_text),
}
"""Of each space the name in the file, and what makes its text of a code there."""
