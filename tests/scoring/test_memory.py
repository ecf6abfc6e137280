"""What is known: rows of architectures, here and in the cache behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import nn

from zc_plugins._scoring.candidate import Candidate
from zc_plugins._scoring.memory import Memory
from zc_plugins._scoring.score_rows import score_rows, score_table
from zc_plugins.cache import ScoreCache
from zc_plugins.proxies import SHELF
from zc_plugins.proxies._proxy import LayerScores, ScoreRow
from zc_plugins.spaces.nasbench201 import NasBench201

SPACE = NasBench201(channels=2, cells_per_stage=1)
CELL = Candidate.of(next(iter(SPACE)), 0, SPACE)


def row(value: float, note: str = "") -> ScoreRow:
    return {"params": LayerScores(value, np.array([value]), (), note)}


def test_networks_are_never_known() -> None:
    memory, network = Memory({}, None, ""), Candidate.of(nn.Identity(), 0, None)
    memory.keep(network, row(1.0))
    assert memory.recalled(network) is None
    assert not memory.rows


def test_an_architecture_is_known_from_then_on() -> None:
    memory, kept = Memory({}, None, ""), row(1.0)
    assert memory.recalled(CELL) is None
    memory.keep(CELL, kept)
    assert memory.recalled(CELL) is kept


def test_the_cache_is_asked_once_and_under_its_settings(tmp_path: Path) -> None:
    with ScoreCache(tmp_path / "scores.sqlite3") as cache:
        Memory({}, cache, "settings").keep(CELL, row(3.0))
        memory = Memory({}, cache, "settings")
        found = memory.recalled(CELL)
        assert found is not None
        assert found["params"].value == 3
        cache.clear()
        assert memory.recalled(CELL) is found
        assert Memory({}, cache, "settings").recalled(CELL) is None
        memory.keep(CELL, row(3.0))
        assert Memory({}, cache, "others").recalled(CELL) is None


def test_rows_come_back_from_their_table() -> None:
    rows = [row(1.0), row(float("nan"), "out of luck")]
    candidates = [Candidate(key, None, None) for key in "ab"]
    table = score_table(candidates, rows, np.zeros(2), [SHELF["params"]])
    again = score_rows(table, [SHELF["params"]])
    assert list(again) == ["a", "b"]
    for key, wanted in zip("ab", rows, strict=True):
        np.testing.assert_equal(again[key]["params"].value, wanted["params"].value)
        np.testing.assert_equal(again[key]["params"].layers, wanted["params"].layers)
        assert again[key]["params"].note == wanted["params"].note
