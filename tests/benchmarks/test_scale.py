"""The benchmark of scale at a tiny size, in this process."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from benchmarks.scale.__main__ import RESULTS, main
from benchmarks.scale.studies import filled, opened
from zc_plugins.spaces.nasbench201 import NasBench201


@pytest.fixture(autouse=True)
def verbosity() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    yield
    optuna.logging.set_verbosity(before)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_pools(tmp_path: Path) -> None:
    main(["pools", "--most", "1000", "--out", str(tmp_path)])
    fresh, known = rows(tmp_path / "pools.csv")
    assert (fresh["pass"], known["pass"]) == ("fresh", "known")
    assert float(fresh["seconds_per_thousand"]) > 0
    assert json.loads((tmp_path / "pools.json").read_text())["torch"]


def test_studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.scale.studies.WIDTHS", 40)
    monkeypatch.setattr(tempfile, "mkdtemp", lambda: str(tmp_path))
    main(["studies", "--sizes", "12", "--trials", "2", "--out", str(tmp_path)])
    told = rows(tmp_path / "studies.csv")
    assert [row["way"] for row in told] == 2 * ["base", "sampler", "pruner", "filter-then-train"]
    assert {row["storage"] for row in told} == {"sqlite", "journal"}


def test_rows_put_in_at_once_are_those_that_optuna_writes(tmp_path: Path) -> None:
    kinds = [f"sqlite:///{tmp_path}/s.sqlite3", f"journal:{tmp_path}/s.log"]
    quick, slow = (filled(opened(address), "s", 5) for address in kinds)
    for ours, theirs in zip(quick.trials, slow.trials, strict=True):
        assert (ours.number, ours.state, ours.values) == (
            theirs.number,
            theirs.state,
            theirs.values,
        )
        assert (ours.params, ours.user_attrs) == (theirs.params, theirs.user_attrs)
    quick._storage.remove_session()


def test_throughput(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = NasBench201(channels=4, cells_per_stage=1)
    monkeypatch.setattr("benchmarks.scale.throughput.SPACE", small)
    few = ["--networks", "3", "--rounds", "1", "--ways", "processes"]
    main(["throughput", *few, "--out", str(tmp_path)])
    (row,) = rows(tmp_path / "throughput.csv")
    assert float(row["efficiency"]) > 0


def test_what_is_committed_grows_no_faster_than_optuna_itself() -> None:
    """Of the studies' rows: what our sampler and pruner add after 10,000 trials, against 1,000.

    They read the study's trials once, as Optuna does in the base: that may grow as it does there.
    """
    told = {
        (row["storage"], row["way"], int(row["finished"])): row
        for row in rows(RESULTS / "studies.csv")
    }
    for storage in ("sqlite", "journal", "postgresql"):
        few, many = (float(told[storage, "base", n]["milliseconds"]) for n in (1000, 10_000))
        for way in ("sampler", "pruner"):
            little, much = (float(told[storage, way, n]["beyond_base"]) for n in (1000, 10_000))
            assert much < 1.5 * little + 1 + (many - few)
