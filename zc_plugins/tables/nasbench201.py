"""The NAS-Bench-201 table (NATS-Bench topology vintage)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zc_plugins._shapes import Bool, Float, ndarray
from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.tables._columns import numbers, parquet_columns

DATASETS = {"cifar10": 10, "cifar100": 100, "imagenet16-120": 120}
"""Classes of each data set."""

SHORT = {"cifar10": "c10", "cifar100": "c100", "imagenet16-120": "in16"}
"""The data sets' names in the files."""

FILE = "nb201_main.parquet"


@dataclass(frozen=True, eq=False)
class NasBench201Table:
    """Accuracies after 200 epochs, means over the benchmark's two or three seeds; a ``Table``.

    Attributes:
        architectures: published strings, in the order of the benchmark's index.
        validation: shape (architectures,), percent.
        test: shape (architectures,), percent. On CIFAR-10 of a training on all 50,000 images, where
            validation, and the seconds, are of one on half of them.
        connected: False for the 341 cells without a path from input to output.
        train_seconds: shape (architectures,), of 200 epochs on one GPU, as recorded.
        fidelities: validation by epochs: 12, of one seed under a schedule of its own, and 200.
        dataset: a key of ``DATASETS``.
        space: of the data set's classes.
    """

    architectures: tuple[str, ...]
    validation: Float[ndarray, " architectures"]
    test: Float[ndarray, " architectures"]
    connected: Bool[ndarray, " architectures"]
    train_seconds: Float[ndarray, " architectures"]
    fidelities: Mapping[int, Float[ndarray, " architectures"]]
    dataset: str
    space: NasBench201
    metric: str = "top-1 accuracy, percent"
    one_training: bool = False


def nasbench201(folder: str | Path | None = None, dataset: str = "cifar10") -> NasBench201Table:
    """Read the table from a folder that holds ``nb201_main.parquet``.

    Args:
        folder: where the file lies; None looks in ``data.folders()``.
        dataset: ``"cifar10"``, ``"cifar100"`` or ``"imagenet16-120"``.

    Raises:
        InvalidArgument: if the dataset is another one, or the file is not there.
        MissingExtra: without pyarrow.

    References:
        Dong and Yang, NAS-Bench-201, ICLR 2020, arXiv:2001.00326; Dong et al., NATS-Bench, TPAMI
        2021, arXiv:2009.00437.
    """
    short = short_name(dataset)
    names = [f"{short}_val_12", f"{short}_val_200", f"{short}_test_200"]
    names.append(f"{short}_train_time_200_s")
    table = parquet_columns(folder, FILE, ["arch", "disconnected", *names])
    early, validation, test, seconds = (numbers(table, name) for name in names)
    return NasBench201Table(
        tuple(table.column("arch").to_pylist()),
        validation,
        test,
        ~np.asarray(table.column("disconnected").to_pylist(), bool),
        seconds,
        {12: early, 200: validation},
        dataset,
        NasBench201(classes=DATASETS[dataset]),
    )


def short_name(dataset: str) -> str:
    """The data set's name in the files.

    Raises:
        InvalidArgument: if it is not one of ``DATASETS``.
    """
    if dataset not in SHORT:
        raise InvalidArgument(f"dataset={dataset!r}: pass one of {sorted(SHORT)}")
    return SHORT[dataset]
