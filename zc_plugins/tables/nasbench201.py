"""The NAS-Bench-201 table (NATS-Bench topology vintage)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zc_plugins._optional import require
from zc_plugins._shapes import Bool, Float, ndarray
from zc_plugins.errors import InvalidArgument

_COLUMNS = {"cifar10": "c10", "cifar100": "c100", "imagenet16-120": "in16"}
_FILE = "nb201_main.parquet"


@dataclass(frozen=True, eq=False)
class NasBench201Table:
    """Accuracies after 200 epochs, means over the benchmark's two or three seeds.

    Attributes:
        architectures: published strings, in the order of the benchmark's index.
        validation: shape (architectures,), percent.
        test: shape (architectures,), percent.
        connected: False for the 341 cells without a path from input to output.
        train_seconds: shape (architectures,), of 200 epochs on one GPU, as recorded.
    """

    architectures: tuple[str, ...]
    validation: Float[ndarray, " architectures"]
    test: Float[ndarray, " architectures"]
    connected: Bool[ndarray, " architectures"]
    train_seconds: Float[ndarray, " architectures"]


def nasbench201(folder: str | Path, dataset: str = "cifar10") -> NasBench201Table:
    """Read the table from a folder that holds ``nb201_main.parquet``.

    Args:
        folder: where the file lies.
        dataset: ``"cifar10"``, ``"cifar100"`` or ``"imagenet16-120"``.

    Raises:
        InvalidArgument: if the dataset is another one, or the file is not there.
        MissingExtra: without pyarrow.
    """
    if dataset not in _COLUMNS:
        raise InvalidArgument(f"dataset={dataset!r}: pass one of {sorted(_COLUMNS)}")
    path = Path(folder) / _FILE
    if not path.is_file():
        raise InvalidArgument(f"folder={str(folder)!r} holds no {_FILE}: pass the folder that does")
    short = _COLUMNS[dataset]
    names = [
        "arch",
        f"{short}_val_200",
        f"{short}_test_200",
        "disconnected",
        f"{short}_train_time_200_s",
    ]
    columns = require("pyarrow.parquet", extra="tables").read_table(path, columns=names)
    strings, validation, test, disconnected, seconds = (
        columns.column(name).to_pylist() for name in names
    )
    return NasBench201Table(
        tuple(strings),
        np.asarray(validation, np.float64),
        np.asarray(test, np.float64),
        ~np.asarray(disconnected, bool),
        np.asarray(seconds, np.float64),
    )
