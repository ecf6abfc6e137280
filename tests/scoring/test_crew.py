"""Pools in several processes: the same numbers, nothing lost at deaths and interrupts."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn
from typer.testing import CliRunner

from zc_plugins import Excitation, Scorer
from zc_plugins._scoring import parcel, worker_plan
from zc_plugins._scoring.shift import TRIES
from zc_plugins._scoring.worker_plan import FEWEST
from zc_plugins.cache import ScoreCache
from zc_plugins.cli._app import app
from zc_plugins.errors import InvalidArgument, MissingExtra
from zc_plugins.recipes import az_nas
from zc_plugins.spaces.nasbench201 import NasBench201

ROOT = Path(__file__).parents[2]


def params() -> Scorer:
    return Scorer(["params"], Excitation((4,)), device="cpu")


def layer(width: int) -> Any:
    return lambda: nn.Linear(4, width)


def home(log: Path, width: int = 2) -> Any:
    """A builder that writes down in which process it ran."""

    def build() -> nn.Module:
        with log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        return nn.Linear(4, width)

    return build


def processes(log: Path) -> set[int]:
    return {int(line) for line in log.read_text().split()}


@pytest.fixture(scope="module")
def scorer() -> Iterator[Scorer]:
    """Its workers serve several tests."""
    scorer = params()
    yield scorer
    dismiss(scorer)


def dismiss(scorer: Scorer) -> None:
    workers = scorer._desk.crew._free
    if workers is not None:
        workers.dismiss()


# Whether workers are hired


@pytest.mark.parametrize("workers", [0, -2, "many", "2"])
def test_no_number_of_workers(workers: Any) -> None:
    with pytest.raises(InvalidArgument, match="workers="):
        params().score([layer(2)], workers=workers)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "loky", None)
    assert params().score([layer(2)], workers=1).values[0, 0] == 10
    with pytest.raises(MissingExtra, match=r"zc-plugins\[workers\]"):
        params().score([layer(2)], workers=2)


def test_auto_goes_to_workers(
    scorer: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loky.cpu_count", lambda: 2)
    monkeypatch.setattr(worker_plan, "START_SECONDS", -1.0)
    table = scorer.score([home(tmp_path / "log", w) for w in range(1, FEWEST + 3)])
    np.testing.assert_array_equal(table.values[:, 0], 5 * np.arange(1, FEWEST + 3))
    assert (tmp_path / "log").read_text().split()[:2] == [str(os.getpid())] * 2
    assert processes(tmp_path / "log") > {os.getpid()}


# The same table


def test_numbers_order_and_memory_are_those_of_one_process(tmp_path: Path) -> None:
    space = NasBench201(channels=4, cells_per_stage=1)
    rng = np.random.default_rng(0)
    pool = [space.sample(rng) for _ in range(6)]
    pool += pool[:2]
    settings: Any = {"batch_size": 4, "device": "cpu"}
    wanted = az_nas((3, 8, 8), **settings).score(pool, space=space, workers=1)
    scorer = az_nas((3, 8, 8), **settings)
    scorer.cache = ScoreCache(tmp_path / "scores.sqlite3")
    known = scorer.score(pool[:1], space=space)
    table = scorer.score(pool, space=space, workers=2, show_progress=True)
    np.testing.assert_array_equal(table.values, wanted.values)
    np.testing.assert_array_equal(table.values[:1], known.values)
    assert table.candidates == wanted.candidates
    assert table.notes == wanted.notes
    for name in table.proxies:
        for ours, theirs in zip(table.layers[name], wanted.layers[name], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert scorer.scored == len(set(table.candidates)) == len(scorer.cache)
    seconds = np.asarray(table.seconds)
    assert seconds[0] == 0 == seconds[-1]
    assert (seconds > 0).sum() == scorer.scored - 1
    assert scorer.seconds >= seconds.sum() > 0
    again = scorer.score(pool, space=space, workers=2)
    np.testing.assert_array_equal(again.values, wanted.values)
    assert scorer.scored == len(scorer.cache)
    dismiss(scorer)


def test_workers_stay_for_the_next_pool(scorer: Scorer, tmp_path: Path) -> None:
    for name in "ab":
        scorer.score([home(tmp_path / name) for _ in range(6)], workers=2)
    assert processes(tmp_path / "a") == processes(tmp_path / "b")
    assert os.getpid() not in processes(tmp_path / "a")


def test_what_is_built_or_cannot_be_sent_is_scored_here(scorer: Scorer, tmp_path: Path) -> None:
    lock, log = threading.Lock(), tmp_path / "log"

    def locked() -> nn.Module:
        with lock:
            return home(log, 7)()

    class OnlyHere:
        def __init__(self) -> None:
            self.here = os.getpid()

        def __setstate__(self, state: Any) -> None:
            raise RuntimeError("no way in")

        def __call__(self) -> nn.Module:
            return home(log, 8)()

    pool = [locked, nn.Linear(4, 3), OnlyHere()]
    table = scorer.score(pool, workers=2)
    assert table.values.ravel().tolist() == [35, 15, 40]
    assert processes(log) == {os.getpid()}


def test_what_is_too_large_is_scored_here(
    scorer: Scorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcel, "LARGEST", 1000)
    assert params().score([home(tmp_path / "log")], workers=2).values[0, 0] == 10
    assert processes(tmp_path / "log") == {os.getpid()}


def test_failures_have_their_note(scorer: Scorer) -> None:
    def fails() -> nn.Module:
        raise RuntimeError("out of luck")

    table = scorer.score([layer(2), fails, lambda: 3], workers=2)
    assert table.scored.tolist() == [True, False, False]
    assert table.notes[1] == {"params": "RuntimeError: out of luck"}
    assert "NotAModule" in table.notes[2]["params"]


# Deaths and interrupts


def test_a_worker_that_dies_costs_its_own_candidate_only(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path / "scores.sqlite3")
    log = tmp_path / "log"

    class Space(NasBench201):
        def build(self, architecture: Any) -> nn.Module:
            if architecture == fatal:
                with log.open("a") as file:
                    file.write("died\n")
                os.kill(os.getpid(), signal.SIGKILL)
            return nn.Linear(4, 1)

    space = Space()
    pool = [space.canonical(space.sample(np.random.default_rng(s))) for s in range(5)]
    fatal = pool[1]
    scorer = Scorer(["params"], Excitation((4,)), device="cpu", cache=cache)
    table = scorer.score(pool, space=space, workers=2)
    assert table.scored.tolist() == [True, False, True, True, True]
    assert "worker process ended" in table.notes[1]["params"]
    assert log.read_text() == "died\n" * TRIES
    assert len(cache) == 4, "a death may have passing reasons"
    dismiss(scorer)


def test_a_worker_that_dies_once_is_replaced(scorer: Scorer, tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    def unlucky() -> nn.Module:
        if not mark.exists():
            mark.touch()
            os._exit(3)
        return nn.Linear(4, 3)

    table = scorer.score([layer(2), unlucky, layer(4)], workers=2)
    assert table.values.ravel().tolist() == [10, 15, 20]


def test_an_idle_worker_that_is_killed_is_replaced(scorer: Scorer, tmp_path: Path) -> None:
    scorer.score([home(tmp_path / "log") for _ in range(4)], workers=2)
    for process in processes(tmp_path / "log"):
        os.kill(process, signal.SIGKILL)
    time.sleep(0.3)
    assert scorer.score([layer(2), layer(3)], workers=2).values.ravel().tolist() == [10, 15]


def test_no_process_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: Any, **settings: Any) -> None:
        raise OSError("too many open files")

    monkeypatch.setattr("loky.ProcessPoolExecutor", refused)
    assert params().score([layer(2), layer(3)], workers=2).values.ravel().tolist() == [10, 15]


SCRIPT = """
import time
from torch import nn
from zc_plugins import Excitation, ModuleSpace, Scorer
from zc_plugins.spaces.module import Suggestions


def build(trial):
    time.sleep(0.2)
    return nn.Linear(4, trial.suggest_int("width", 1, 500))


pool = [Suggestions.of({"width": w}) for w in range(1, 201)]
scorer = Scorer(["params"], Excitation((4,)), device="cpu", cache="s.sqlite3")
scorer.score(pool, space=ModuleSpace(build), workers=2)
"""


def test_ctrl_c_keeps_what_was_scored_and_ends_the_workers(tmp_path: Path) -> None:
    """In a script without a main guard, with a builder of the script's own."""
    (tmp_path / "script.py").write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, "script.py"], cwd=tmp_path, text=True, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, start_new_session=True,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 120
        while not (tmp_path / "s.sqlite3").exists() or len(ScoreCache(tmp_path / "s.sqlite3")) < 3:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.2)
        # As a terminal does: to the whole group.
        os.killpg(process.pid, signal.SIGINT)
        _, remarks = process.communicate(timeout=60)
    assert process.returncode != 0
    assert remarks.count("Traceback") == 1
    assert remarks.rstrip().endswith("KeyboardInterrupt")
    assert 3 <= len(ScoreCache(tmp_path / "s.sqlite3")) < 200


def test_a_builder_that_interrupts(scorer: Scorer) -> None:
    def stop() -> nn.Module:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scorer.score([layer(2), stop, layer(3)], workers=2)
    assert scorer.score([layer(2)], workers=2).values[0, 0] == 10


def test_a_stream_that_is_left_ends_its_workers() -> None:
    scorer = params()
    for place, table in scorer.stream([layer(w) for w in (1, 2, 3, 4)], workers=2):
        assert table.values[0, 0] == 5 * (place + 1)
        break
    assert scorer.scored >= 1
    assert scorer._desk.crew._free is None


# The command line


POOL = """
import os
from beside_the_pool import WIDTHS, Net

candidates = {f"w{w}": (lambda w=w: Net(w)) for w in WIDTHS}
"""
NEIGHBOUR = """
import os
from pathlib import Path
from torch import nn

WIDTHS = (3, 1, 2)


class Net(nn.Linear):
    def __init__(self, width):
        with (Path(__file__).with_name("log")).open("a") as file:
            file.write(f"{os.getpid()}\\n")
        print("noise")
        super().__init__(4, width)
"""


def test_rank(tmp_path: Path) -> None:
    (tmp_path / "pool.py").write_text(POOL)
    (tmp_path / "beside_the_pool.py").write_text(NEIGHBOUR)
    result = CliRunner().invoke(
        app,
        [
            "rank", f"{tmp_path / 'pool.py'}:candidates", "--input-shape", "4", "--device", "cpu",
            "--proxy", "params", "--workers", "2", "--csv", str(tmp_path / "r.csv"),
        ],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    with (tmp_path / "r.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["candidate"] for row in rows] == ["w3", "w2", "w1"]
    assert [float(row["params"]) for row in rows] == [15, 10, 5]
    assert os.getpid() not in processes(tmp_path / "log")


@pytest.mark.parametrize("workers", ["0", "some", "-1"])
def test_rank_with_no_number(workers: str) -> None:
    result = CliRunner().invoke(
        app, ["rank", "x.py:f", "--input-shape", "4", f"--workers={workers}"]
    )
    assert result.exit_code == 1
    assert "--workers" in result.output
