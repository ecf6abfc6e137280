"""The NAS-Bench-101 table: published numbers, selection of rows, refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from zc_plugins.errors import InvalidArgument
from zc_plugins.tables.nasbench101 import ROWS, nasbench101


@pytest.fixture
def folder(shared_file: Callable[[str], Path]) -> Path:
    pytest.importorskip("pyarrow.parquet")
    shared_file("nb101_multifidelity_20k.parquet")
    return shared_file("nb101_full.parquet").parent


def test_rows_come_in_the_order_asked(folder: Path) -> None:
    table = nasbench101(folder, [20_000, 0, 20_001])
    assert table.architectures[1] == (
        "conv3x3+maxpool3x3+conv3x3+conv3x3+conv1x1|01+04+05+12+23+26+35+45+56"
    )
    assert table.test[1] == 92.0606
    assert table.params[1] == 8555530
    assert table.validation[1] == 93.0489
    assert table.train_seconds[1] == 1768.98
    assert np.isnan(table.validation).tolist() == [False, False, True]
    assert np.isnan(table.train_seconds).tolist() == [False, False, True]


def test_the_best_cell_is_the_published_one(folder: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = parquet.read_table(folder / "nb101_full.parquet", columns=["test_acc_108"])
    accuracies = columns.column(0).to_numpy()
    assert len(accuracies) == ROWS
    table = nasbench101(folder, [int(accuracies.argmax())])
    assert table.test[0] == pytest.approx(94.318, abs=5e-4)
    assert table.architectures == (
        "conv1x1+conv3x3+maxpool3x3+conv3x3+conv3x3|01+02+05+06+15+23+34+45+56",
    )


def test_all_rows(tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    cells = {"vertices": [2, 3], "adj_bits": [1, 5], "ops": ["", "2"], "params": [7, 8]}
    full = pyarrow.table({**cells, "test_acc_108": [10.0, 20.0]})
    parquet.write_table(full, tmp_path / "nb101_full.parquet")
    early = {f"val_acc_{epochs}": [epochs / 2] for epochs in (4, 12, 36)}
    some = pyarrow.table({**early, "val_acc_108": [30.0], "train_time_108_s": [40.0]})
    parquet.write_table(some, tmp_path / "nb101_multifidelity_20k.parquet")
    table = nasbench101(tmp_path)
    assert table.architectures == ("|01", "maxpool3x3|01+12")
    assert (table.test.tolist(), table.params.tolist()) == ([10, 20], [7, 8])
    np.testing.assert_array_equal(table.validation, [30, np.nan])
    np.testing.assert_array_equal(
        list(table.fidelities.values()), [[n, np.nan] for n in (2, 6, 18, 30)]
    )
    np.testing.assert_array_equal(table.train_seconds, [40, np.nan])


@pytest.mark.parametrize("rows", [[-1], [0, ROWS]])
def test_other_rows_are_refused(rows: list[int]) -> None:
    with pytest.raises(InvalidArgument, match="rows="):
        nasbench101(".", rows)


def test_a_folder_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"nb101_full\.parquet"):
        nasbench101(tmp_path)
