"""Pools on executors of the user's: the same numbers, flat memory, and what breaks."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import loky
import numpy as np
import pytest
from torch import nn

from zc_plugins import Excitation, Scorer
from zc_plugins._scoring import borrowed, memory, shift
from zc_plugins._scoring.shift import TRIES
from zc_plugins.cache import ScoreCache
from zc_plugins.errors import InvalidArgument
from zc_plugins.proxies import SHELF, Proxy
from zc_plugins.recipes import az_nas
from zc_plugins.spaces.nasbench201 import NasBench201

SPAWNED: Callable[[], Executor] = partial(ProcessPoolExecutor, 2, get_context("spawn"))
SPACE = NasBench201(channels=4, cells_per_stage=1)
CELLS = list(SPACE)
np.random.default_rng(0).shuffle(CELLS)


def params(cache: ScoreCache | None = None) -> Scorer:
    return Scorer(["params"], Excitation((4,)), device="cpu", cache=cache)


def layer(width: int) -> Callable[[], nn.Module]:
    return lambda: nn.Linear(4, width)


@pytest.fixture(scope="module")
def spawned() -> Iterator[Executor]:
    with SPAWNED() as executor:
        yield executor


class Here(Executor):
    """Does each task at once, and counts those that have not been taken in."""

    def __init__(self) -> None:
        self.done = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.done += 1
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.mark.parametrize("kind", ["processes", "threads", "loky", "function"])
def test_numbers_order_and_cache_are_those_of_one_process(
    kind: str, spawned: Executor, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    pool = [SPACE.sample(rng) for _ in range(5)]
    pool += pool[:2]
    settings: Any = {"batch_size": 4, "device": "cpu"}
    wanted = az_nas((3, 8, 8), **settings).score(pool, space=SPACE, workers=1)
    scorer = az_nas((3, 8, 8), **settings)
    scorer.cache = ScoreCache(tmp_path / "scores.sqlite3")
    executors: dict[str, Any] = {
        "processes": spawned,
        "threads": ThreadPoolExecutor(3),
        "loky": partial(loky.get_reusable_executor, 2),
        "function": partial(ThreadPoolExecutor, 2),
    }
    table = scorer.score(pool, space=SPACE, executor=executors[kind], show_progress=True)
    np.testing.assert_array_equal(table.values, wanted.values)
    assert table.candidates == wanted.candidates
    assert scorer.scored == len(set(table.candidates)) == len(scorer.cache)
    if kind != "function":
        assert scorer.score(pool[:1], space=SPACE, executor=executors[kind]).scored.all()
    if kind == "threads":
        executors[kind].shutdown()


def test_much_that_is_shared_is_sent_once_to_each_worker(
    spawned: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shift, "SMALL", 0)
    monkeypatch.setattr(borrowed, "IN_FLIGHT", 1)
    sent = []

    class Counting(Here):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            sent.append(args[1])
            # As Dask does it.
            return super().submit(copy_context().run, fn, *args, **kwargs)

    pool = [layer(w) for w in range(1, 5)]
    assert params().score(pool, executor=Counting()).values.ravel().tolist() == [5, 10, 15, 20]
    assert [shared is not None for shared in sent] == [False, True, False, False, False]
    assert params().score(pool, executor=spawned).values.ravel().tolist() == [5, 10, 15, 20]


def test_a_generator_without_end_is_read_as_it_is_needed(tmp_path: Path) -> None:
    read = itertools.count()
    executor = Here()
    cells = itertools.cycle(CELLS)
    pool = ((next(read), next(cells))[1] for _ in itertools.count())
    scorer = Scorer(
        ["params"], Excitation((3, 8, 8)), device="cpu", cache=tmp_path / "scores.sqlite3"
    )
    stream = scorer.stream(pool, space=SPACE, executor=executor)
    assert sum(table.scored.all() for _, table in itertools.islice(stream, 20)) == 20
    assert executor.done <= 2 * (20 + 256)
    assert next(read) <= 2 * (20 + 256)


def test_memory_is_bounded_with_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "RECENT", 3)
    cache = ScoreCache(tmp_path / "scores.sqlite3")
    scorer = Scorer(["params"], Excitation((3, 8, 8)), device="cpu", cache=cache)
    pool = CELLS[:9]
    wanted = scorer.score(pool, space=SPACE, workers=1)
    assert len(scorer._recent) == 3
    assert not scorer._remembered
    again = scorer.score(pool, space=SPACE, workers=1)
    np.testing.assert_array_equal(again.values, wanted.values)
    assert scorer.scored == len(cache) == len(set(wanted.candidates))


# What cannot be sent


class Locked:
    def __init__(self) -> None:
        self.inside = {"lock": threading.Lock()}

    def __call__(self) -> nn.Module:
        return nn.Linear(4, 2)


def test_a_candidate_that_cannot_be_sent_is_named() -> None:
    lock = threading.Lock()

    def build() -> nn.Module:
        with lock:
            return nn.Linear(4, 2)

    with pytest.raises(InvalidArgument, match=r"pool\[1\].inside\['lock'\], a lock"):
        params().score([layer(2), Locked()], executor=Here())
    with pytest.raises(InvalidArgument, match=r"pool\[0\] -> lock, a lock"):
        params().score([build], executor=Here())


def test_a_space_or_proxy_that_cannot_be_sent_is_named() -> None:
    space = NasBench201(4, 1)
    space.__dict__["file"] = threading.Lock()
    with pytest.raises(InvalidArgument, match=r"refuses space\.file, a lock"):
        params().score([next(iter(space))], space=space, executor=Here())
    lock = threading.Lock()

    def held(values: Any) -> float:
        with lock:
            return float(values.sum())

    own = Proxy("own", SHELF["params"].reads, SHELF["params"].measure, float, held, "ours")
    with pytest.raises(InvalidArgument, match=r"refuses proxy 'own'\.reduce -> lock, a lock"):
        Scorer([own], Excitation((4,)), device="cpu").score([layer(2)], executor=Here())


def test_a_network_that_is_built_is_scored_here() -> None:
    executor = Here()
    table = params().score([nn.Linear(4, 3), layer(2)], executor=executor)
    assert table.values.ravel().tolist() == [15, 10]
    assert executor.done == 1


class Unwilling:
    def __setstate__(self, state: Any) -> None:
        raise ImportError("no module of that name")

    def __getstate__(self) -> Any:
        return {"a": 1}

    def __call__(self) -> nn.Module:
        return nn.Linear(4, 2)


def test_workers_that_cannot_read_it_are_told_of() -> None:
    with pytest.raises(InvalidArgument, match=r"pool\[0\] \(ImportError: no module"):
        params().score([Unwilling()], executor=Here())


def test_no_executor() -> None:
    wrong: Any = dict
    with pytest.raises(InvalidArgument, match=r"concurrent\.futures\.Executor"):
        params().score([layer(2)], executor=wrong)


# Workers that are lost


def deadly(mark: Path, times: int) -> Callable[[], nn.Module]:
    """Kills its process, so many times."""

    def build() -> nn.Module:
        seen = len(mark.read_text()) if mark.exists() else 0
        if seen < times:
            mark.write_text("x" * (seen + 1))
            os.kill(os.getpid(), signal.SIGKILL)
        return nn.Linear(4, 9)

    return build


def test_a_function_makes_a_new_executor_for_one_that_broke(tmp_path: Path) -> None:
    once, always = deadly(tmp_path / "once", 1), deadly(tmp_path / "always", 99)
    pool = [layer(1), once, *map(layer, range(2, 5)), always]
    table = params().score(pool, executor=SPAWNED)
    assert table.values[:5, 0].tolist() == [5, 45, 10, 15, 20]
    assert f"ended, {TRIES} times" in table.notes[5]["params"]
    assert len((tmp_path / "always").read_text()) == TRIES


def test_an_executor_that_broke_costs_what_was_in_flight(tmp_path: Path) -> None:
    def patient() -> nn.Module:
        # So that the other worker does not do all before the loss is noticed.
        time.sleep(0.2)
        return nn.Linear(4, 2)

    pool = [deadly(tmp_path / "mark", 99), *(patient for _ in range(12))]
    with SPAWNED() as executor, pytest.warns(RuntimeWarning, match="executor is broken"):
        table = params().score(pool, executor=executor)
    assert not table.scored[0]
    assert "pass a function that makes one" in table.notes[0]["params"]
    # Two workers have at most four candidates in flight.
    assert (~table.scored).sum() <= 4
    assert set(table.values[table.scored, 0]) == {10.0}
