"""The TransNAS-Bench-101 tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces.transnasbench101_macro import TransNasBench101Macro
from zc_plugins.spaces.transnasbench101_micro import TransNasBench101Micro
from zc_plugins.tables._columns import numbers, parquet_columns

SPACES = ("micro", "macro")
TASKS = {
    "class_object": "top-1 accuracy, percent",
    "class_scene": "top-1 accuracy, percent",
    "jigsaw": "top-1 accuracy, percent",
    "room_layout": "minus the squared loss",
    "segmentsemantic": "pixel accuracy, percent",
    "normal": "structural similarity, at most 1",
    "autoencoder": "structural similarity, at most 1",
}
"""Each task's metric; of all of them higher is better."""

EPOCHS = {"jigsaw": 10, "segmentsemantic": 30, "normal": 30, "autoencoder": 30}
"""Of those trainings that have not 25, as the authors' settings of the tasks have them."""

_CLASSES = {"class_object": 75, "class_scene": 47}

_FILE = "tnb101_main.parquet"


@dataclass(frozen=True, eq=False)
class TransNasBench101Table:
    """The metric of one task, of validation and of test each at its own best epoch; a ``Table``.

    Attributes:
        architectures: texts of ``spaces.transnasbench101_micro`` or ``..._macro``.
        validation: shape (architectures,), in the task's metric.
        test: shape (architectures,), in the task's metric.
        train_seconds: shape (architectures,), of the whole training, as recorded.
        fidelities: the one that is recorded, ``validation`` by the epochs of the whole training.
        dataset: the task, a key of ``TASKS``.
        space: of the task's classes where it is a classification of whole images; the networks of
            the other tasks have other heads.
        metric: as ``TASKS`` has it; higher is better.
    """

    architectures: tuple[str, ...]
    validation: Float[ndarray, " architectures"]
    test: Float[ndarray, " architectures"]
    train_seconds: Float[ndarray, " architectures"]
    fidelities: Mapping[int, Float[ndarray, " architectures"]]
    dataset: str
    space: TransNasBench101Micro | TransNasBench101Macro
    metric: str
    one_training: bool = False


def transnasbench101(
    folder: str | Path | None = None, space: str = "micro", task: str = "class_object"
) -> TransNasBench101Table:
    """Read one task's table from a folder that holds ``tnb101_main.parquet``.

    Args:
        folder: where the file lies; None looks in ``data.folders()``.
        space: ``"micro"``, 4,096 cells, or ``"macro"``, 3,256 codes.
        task: a key of ``TASKS``.

    Raises:
        InvalidArgument: if the space or task is another one, or the file is not there.
        MissingExtra: without pyarrow.

    References:
        Duan et al., TransNAS-Bench-101, CVPR 2021, arXiv:2105.11871.
    """
    if space not in SPACES or task not in TASKS:
        raise InvalidArgument(
            f"space={space!r}, task={task!r}: pass one of {SPACES} and one of {tuple(TASKS)}"
        )
    names = [f"{task}_val_best", f"{task}_test_best", f"{task}_train_s"]
    table = parquet_columns(folder, _FILE, ["space", "code", *names])
    here = np.asarray(table.column("space").to_pylist()) == space
    validation, test, seconds = (numbers(table, name)[here] for name in names)
    texts = [
        code for code, kept in zip(table.column("code").to_pylist(), here, strict=True) if kept
    ]
    if space == "micro":
        # The file leaves out the underscores of the published codes.
        texts = [f"{code[0]}_{code[1:3]}_{code[3:]}" for code in texts]
    kind = TransNasBench101Micro if space == "micro" else TransNasBench101Macro
    return TransNasBench101Table(
        tuple(texts),
        validation,
        test,
        seconds,
        {EPOCHS.get(task, 25): validation},
        task,
        kind(classes=_CLASSES[task]) if task in _CLASSES else kind(),
        TASKS[task],
    )
