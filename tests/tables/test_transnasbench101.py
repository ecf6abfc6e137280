"""The TransNAS-Bench-101 tables: published best values, codes of our spaces, refusals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces.transnasbench101_macro import TransNasBench101Macro
from zc_plugins.spaces.transnasbench101_micro import TransNasBench101Micro
from zc_plugins.tables.transnasbench101 import TASKS, transnasbench101

BEST = {
    "micro": (46.32, 54.94, 95.37, -0.5938, 94.79, 0.5962, 0.5772),
    "macro": (47.96, 57.48, 97.02, -0.5628, 95.17, 0.6435, 0.7688),
}
"""Validation, in the order of ``TASKS``; published but for segmentation, which is the file's."""


@pytest.mark.parametrize("space", BEST)
def test_best_values(space: str, shared_file: Callable[[str], Path]) -> None:
    folder = shared_file("tnb101_main.parquet").parent
    for task, wanted in zip(TASKS, BEST[space], strict=True):
        table = transnasbench101(folder, space, task)
        digits = 4 if abs(wanted) < 1 else 2
        assert round(float(table.validation.max()), digits) == wanted
        assert np.isfinite([table.validation, table.test, table.train_seconds]).all()
        assert (table.train_seconds > 1000).all()


def test_architectures_are_those_of_the_spaces(shared_file: Callable[[str], Path]) -> None:
    folder = shared_file("tnb101_main.parquet").parent
    micro, macro = TransNasBench101Micro(), TransNasBench101Macro()
    cells = transnasbench101(folder, "micro").architectures
    assert cells == tuple(map(micro.encode, micro))
    codes = transnasbench101(folder, "macro").architectures
    assert sorted(codes) == sorted(map(macro.encode, macro))
    assert codes[0] == "4111"


def test_what_was_trained_once_is_one_function(shared_file: Callable[[str], Path]) -> None:
    """Cells with equal results in all tasks are one to us; idle convolutions were trained apart."""
    folder = shared_file("tnb101_main.parquet").parent
    micro = TransNasBench101Micro()
    tables = [transnasbench101(folder, "micro", task) for task in TASKS]
    functions = defaultdict(set)
    for text, *results in zip(tables[0].architectures, *(t.test for t in tables), strict=True):
        functions[tuple(results)].add(micro.canonical(micro.decode(text)))
    assert len(functions) == 2994
    assert {len(cells) for cells in functions.values()} == {1}


@pytest.mark.parametrize(("space", "task"), [("mini", "jigsaw"), ("micro", "chess")])
def test_other_tables_are_refused(space: str, task: str) -> None:
    with pytest.raises(InvalidArgument, match="pass one of"):
        transnasbench101(".", space, task)


def test_a_folder_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"tnb101_main\.parquet"):
        transnasbench101(tmp_path)
