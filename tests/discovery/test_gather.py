"""A bank in a folder is made once, whatever interrupts it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.discovery.test_bank import EXCITATION, POOL, SPACE
from zc_plugins.discovery import gather as module
from zc_plugins.discovery import parse
from zc_plugins.discovery.bank import Bank
from zc_plugins.discovery.gather import gather
from zc_plugins.discovery.statistics import statistics
from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces.nasbench201 import Cell

COLUMNS = [parse("fro(T2GN)"), parse("l1(T3)")]


def gathered(folder: Path, pool: Any = POOL, columns: Any = COLUMNS, **given: Any) -> Bank:
    settings = {"space": SPACE, "columns": columns, "workers": 1, "device": "cpu", **given}
    return gather(pool, EXCITATION, folder, **settings)


def test_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NETWORKS_A_PIECE", 1)
    made: list[Any] = []

    def breaking(pool: Any, *arguments: Any, **settings: Any) -> Bank:
        if len(made) == 2:
            made.append("broken")
            raise OSError("power cut")
        made.append(pool)
        return statistics(pool, *arguments, **settings)

    monkeypatch.setattr(module, "statistics", breaking)
    with pytest.raises(OSError, match="power cut"):
        gathered(tmp_path / "bank")
    bank = gathered(tmp_path / "bank")
    assert [pool for pool in made if pool != "broken"] == [[item] for item in POOL]
    whole = statistics(POOL, EXCITATION, space=SPACE, columns=COLUMNS, workers=1, device="cpu")
    np.testing.assert_array_equal(bank.values, whole.values)
    np.testing.assert_array_equal(bank.starts, whole.starts)
    assert (bank.networks, bank.settings) == (whole.networks, whole.settings)
    assert sorted(p.name for p in (tmp_path / "bank").iterdir()) == ["index.json", "values.npy"]
    gathered(tmp_path / "bank")
    assert len(made) == 4


def test_cells_that_compute_the_same_have_one_name(tmp_path: Path) -> None:
    # The first node leads nowhere, so that what enters it does not matter.
    ends = ("none", "nor_conv_3x3", "nor_conv_3x3", "none", "none")
    pool = [Cell((operation, *ends)) for operation in ("none", "skip_connect")]
    bank = gathered(tmp_path / "bank", pool)
    assert len(bank.networks) == 2
    assert bank.networks == tuple(SPACE.encode(SPACE.canonical(cell)) for cell in pool)
    assert gathered(tmp_path / "bank", pool).networks == bank.networks


def test_another_bank_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gathered(tmp_path / "bank")
    with pytest.raises(InvalidArgument, match="of other networks or columns"):
        gathered(tmp_path / "bank", POOL[:2])
    with pytest.raises(InvalidArgument, match="of other networks or columns"):
        gathered(tmp_path / "bank", columns=COLUMNS[:1])
    with pytest.raises(InvalidArgument, match="other settings"):
        gathered(tmp_path / "bank", seed=1)
