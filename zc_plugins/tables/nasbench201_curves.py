"""Learning curves of 200 cells of NAS-Bench-201."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.data import file_in
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.tables.nasbench201 import nasbench201

FILE = "nb201_learning_curves_c10valid.npz"


@dataclass(frozen=True, eq=False)
class NasBench201Curves:
    """Accuracies on CIFAR-10 after each of 200 epochs, means over two or three seeds; a ``Table``.

    Attributes:
        architectures: published strings of the cells of index 0 to 199.
        validation: shape (architectures,), percent, after the last epoch.
        test: shape (architectures,), percent, as in ``nasbench201``: of another training, on all
            50,000 images.
        train_accuracy: shape (architectures, epochs), percent.
        train_seconds: shape (architectures,), of 200 epochs on one GPU, as recorded.
        fidelities: validation by epochs, 1 to 200, all of one training.
        space: of ten classes.
    """

    architectures: tuple[str, ...]
    validation: Float[ndarray, " architectures"]
    test: Float[ndarray, " architectures"]
    train_accuracy: Float[ndarray, "architectures epochs"]
    train_seconds: Float[ndarray, " architectures"]
    fidelities: Mapping[int, Float[ndarray, " architectures"]]
    space: NasBench201
    dataset: str = "cifar10"
    metric: str = "top-1 accuracy, percent"
    one_training: bool = True


def nasbench201_curves(folder: str | Path | None = None) -> NasBench201Curves:
    """Read the curves from a folder with the table and ``nb201_learning_curves_c10valid.npz``.

    Args:
        folder: where the two files lie; None looks in ``data.folders()``.

    Raises:
        InvalidArgument: if a file is not there.
        MissingExtra: without pyarrow.
    """
    with np.load(file_in(folder, FILE)) as file:
        places, validation, train = (file[name] for name in ("index", "val_acc", "train_acc"))
    table, validation = nasbench201(folder, "cifar10"), validation.astype(np.float64)
    return NasBench201Curves(
        tuple(table.architectures[place] for place in places),
        validation[:, -1],
        table.test[places],
        train.astype(np.float64),
        table.train_seconds[places],
        dict(enumerate(validation.T, start=1)),
        table.space,
    )
