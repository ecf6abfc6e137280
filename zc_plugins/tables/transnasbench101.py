"""The TransNAS-Bench-101 tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zc_plugins._optional import require
from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument

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

_FILE = "tnb101_main.parquet"


@dataclass(frozen=True, eq=False)
class TransNasBench101Table:
    """The metric of one task (see ``TASKS``), of validation and of test each at its own best epoch.

    Attributes:
        architectures: texts of ``spaces.transnasbench101_micro`` or ``..._macro``.
        validation: shape (architectures,), in the task's metric.
        test: shape (architectures,), in the task's metric.
        train_seconds: shape (architectures,), of the whole training, as recorded.
    """

    architectures: tuple[str, ...]
    validation: Float[ndarray, " architectures"]
    test: Float[ndarray, " architectures"]
    train_seconds: Float[ndarray, " architectures"]


def transnasbench101(
    folder: str | Path, space: str = "micro", task: str = "class_object"
) -> TransNasBench101Table:
    """Read one task's table from a folder that holds ``tnb101_main.parquet``.

    Args:
        folder: where the file lies.
        space: ``"micro"``, 4,096 cells, or ``"macro"``, 3,256 codes.
        task: a key of ``TASKS``.

    Raises:
        InvalidArgument: if the space or task is another one, or the file is not there.
        MissingExtra: without pyarrow.
    """
    if space not in SPACES or task not in TASKS:
        raise InvalidArgument(
            f"space={space!r}, task={task!r}: pass one of {SPACES} and one of {tuple(TASKS)}"
        )
    path = Path(folder) / _FILE
    if not path.is_file():
        raise InvalidArgument(f"folder={str(folder)!r} holds no {_FILE}: pass the folder that does")
    names = ["space", "code", f"{task}_val_best", f"{task}_test_best", f"{task}_train_s"]
    table = require("pyarrow.parquet", extra="tables").read_table(path, columns=names)
    spaces, codes, *numbers = (table.column(name).to_pylist() for name in names)
    here = np.asarray([named == space for named in spaces])
    validation, test, seconds = (np.asarray(column, np.float64)[here] for column in numbers)
    texts = [code for code, named in zip(codes, spaces, strict=True) if named == space]
    if space == "micro":
        # The file leaves out the underscores of the published codes.
        texts = [f"{code[0]}_{code[1:3]}_{code[3:]}" for code in texts]
    return TransNasBench101Table(tuple(texts), validation, test, seconds)
