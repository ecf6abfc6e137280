"""The single runs behind NAS-Bench-201's means: how much chance is in one training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.tables._columns import numbers, parquet_columns
from zc_plugins.tables.nasbench201 import nasbench201, short_name

FILE = "nb201_seeds_200.parquet"

SEEDS = (777, 888, 999)
"""Of the runs; which of them a cell of two runs has is the source's assumption: the first two."""


@dataclass(frozen=True, eq=False)
class NasBench201Runs:
    """Accuracies of each run of 200 epochs.

    Attributes:
        architectures: published strings, in the order of the benchmark's index.
        runs: shape (architectures, seeds), percent, NaN where a cell has two runs only. On CIFAR-10
            of the validation images; on the others of validation and test images together, the
            only record by run there is, so not for a search that is judged by ``test``.
        dataset: a key of ``nasbench201.DATASETS``.
    """

    architectures: tuple[str, ...]
    runs: Float[ndarray, "architectures seeds"]
    dataset: str


def nasbench201_runs(folder: str | Path | None = None, dataset: str = "cifar10") -> NasBench201Runs:
    """Read the runs from a folder that holds the table and ``nb201_seeds_200.parquet``.

    Args:
        folder: where the two files lie; None looks in ``data.folders()``.
        dataset: ``"cifar10"``, ``"cifar100"`` or ``"imagenet16-120"``.

    Raises:
        InvalidArgument: if the dataset is another one, or a file is not there.
        MissingExtra: without pyarrow.
    """
    images = "val" if dataset == "cifar10" else "valtest"
    column = f"{short_name(dataset)}_{images}_200"
    table = parquet_columns(folder, FILE, ["index", "seed", column])
    architectures = nasbench201(folder, dataset).architectures
    runs = np.full((len(architectures), len(SEEDS)), np.nan)
    places, seeds = (numbers(table, name).astype(int) for name in ("index", "seed"))
    runs[places, np.searchsorted(SEEDS, seeds)] = numbers(table, column)
    return NasBench201Runs(architectures, runs, dataset)
