"""Columns of the files that hold the tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zc_plugins._optional import require
from zc_plugins._shapes import Float, ndarray
from zc_plugins.data import file_in


def parquet_columns(folder: str | Path | None, name: str, columns: Sequence[str]) -> Any:
    """The columns of a parquet file, as a table of pyarrow.

    Raises:
        InvalidArgument: if the folder, or where None those of ``data.folders()``, do not hold it.
        MissingExtra: without pyarrow.
    """
    path = file_in(folder, name)
    return require("pyarrow.parquet", extra="tables").read_table(path, columns=list(columns))


def numbers(table: Any, column: str) -> Float[ndarray, " rows"]:
    """One column of a table of pyarrow in double precision, NaN where it has no number."""
    return np.asarray(table.column(column).to_pylist(), np.float64)
