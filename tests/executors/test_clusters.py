"""Pools on Ray and Dask: the numbers of this process, and workers that are killed."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
from torch import nn

from zc_plugins import Excitation, Scorer
from zc_plugins._scoring import shift
from zc_plugins._scoring.shift import TRIES
from zc_plugins.cache import ScoreCache
from zc_plugins.errors import InvalidArgument, MissingExtra
from zc_plugins.executors.ray import RayExecutor
from zc_plugins.recipes import az_nas
from zc_plugins.spaces.nasbench201 import NasBench201


@pytest.fixture(scope="module", params=["ray", "dask"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "dask":
        yield request.getfixturevalue("dask_client").get_executor()
        return
    request.getfixturevalue("ray_cluster")
    with RayExecutor() as made:
        yield made


def layer(width: int, seconds: float = 0.0) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        time.sleep(seconds)
        return nn.Linear(4, width)

    return build


def deadly(mark: Path, times: int) -> Callable[[], nn.Module]:
    """Kills its process, so many times."""

    def build() -> nn.Module:
        seen = len(mark.read_text()) if mark.exists() else 0
        if seen < times:
            mark.write_text("x" * (seen + 1))
            os.kill(os.getpid(), signal.SIGKILL)
        return nn.Linear(4, 9)

    return build


def params() -> Scorer:
    return Scorer(["params"], Excitation((4,)), device="cpu")


def test_numbers_order_and_cache_are_those_of_one_process(
    executor: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shift, "SMALL", 0)
    space, rng = NasBench201(channels=4, cells_per_stage=1), np.random.default_rng(0)
    pool = [space.sample(rng) for _ in range(6)]
    pool += pool[:2]
    settings: Any = {"batch_size": 4, "device": "cpu"}
    wanted = az_nas((3, 8, 8), **settings).score(pool, space=space, workers=1)
    scorer = az_nas((3, 8, 8), **settings)
    scorer.cache = ScoreCache(tmp_path / "scores.sqlite3")
    table = scorer.score(pool, space=space, executor=executor, show_progress=True)
    np.testing.assert_array_equal(table.values, wanted.values)
    assert table.candidates == wanted.candidates
    assert table.notes == wanted.notes
    assert scorer.scored == len(set(table.candidates)) == len(scorer.cache)


def test_a_killed_worker_costs_no_other_candidate(executor: Executor, tmp_path: Path) -> None:
    """Also those that wait in the same worker."""
    once, always = deadly(tmp_path / "once", 1), deadly(tmp_path / "always", 99)
    table = params().score([layer(1), once, *map(layer, range(2, 8)), always], executor=executor)
    assert table.values[:8, 0].tolist() == [5, 45, 10, 15, 20, 25, 30, 35]
    assert f"ended, {TRIES} times" in table.notes[8]["params"]
    assert len((tmp_path / "always").read_text()) == TRIES


def test_a_stream_that_is_left_leaves_the_executor_open(executor: Executor) -> None:
    pool = (layer(w % 9 + 1, 0.01) for w in range(10**9))
    for _, table in params().stream(pool, executor=executor):
        assert table.scored.all()
        break
    assert executor.submit(os.getpid).result(timeout=60) != os.getpid()


def held(gate: Path) -> Callable[[], None]:
    """Ends when there is such a file."""

    def wait() -> None:
        while not gate.exists():
            time.sleep(0.01)

    return wait


def begun(futures: list[Future[None]]) -> None:
    deadline = time.monotonic() + 60
    while not all(future.running() for future in futures):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_actor_holds_two_tasks_and_no_more(ray_cluster: None, tmp_path: Path) -> None:
    with RayExecutor(1) as executor:
        results = [executor.submit(held(tmp_path / "gate")) for _ in range(6)]
        begun(results[:2])
        assert not any(result.running() or result.done() for result in results[2:])
        assert results[-1].cancel()
        (tmp_path / "gate").touch()
    assert all(result.done() for result in results)
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(os.getpid)


def test_errors_of_a_task_are_its_own(ray_cluster: None, tmp_path: Path) -> None:
    with RayExecutor(1) as executor:
        with pytest.raises(ZeroDivisionError):
            executor.submit(divmod, 1, 0).result()
        with pytest.raises(BrokenExecutor):
            executor.submit(os._exit, 3).result()
        assert executor.submit(divmod, 7, 3).result() == (2, 1)
        with pytest.raises(TypeError, match="lock"):
            executor.submit(threading.Lock().acquire).result()
        many = [executor.submit(held(tmp_path / "gate")) for _ in range(5)]
        begun(many[:2])
        executor.shutdown(wait=False, cancel_futures=True)
        (tmp_path / "gate").touch()
        executor.shutdown()
        assert [future.cancelled() for future in many] == [False] * 2 + [True] * 3


def test_without_actors(ray_cluster: None) -> None:
    with pytest.raises(InvalidArgument, match="workers=0"):
        RayExecutor(cpus=64)


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(InvalidArgument, match=r"ray\.init\(\)"):
        RayExecutor()
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"zc-plugins\[ray\]"):
        RayExecutor()
