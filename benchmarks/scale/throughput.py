"""Candidates a second of one process and of two."""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from typing import Any

import numpy as np

from zc_plugins import recipes
from zc_plugins.scorer import Scorer
from zc_plugins.spaces.nasbench201 import NasBench201

SPACE = NasBench201()


def fresh() -> Scorer:
    """A scorer that knows nothing yet."""
    return recipes.az_nas((3, 32, 32), batch_size=16, device="cpu")


def throughput(networks: int, rounds: int, ways: list[str]) -> Iterator[dict[str, Any]]:
    """Wall time of the same pool in this process, on one thread, and in two processes, in turns.

    What else runs on the machine slows both, so the median of the rounds' ratios is told.

    Yields:
        way, rounds, seconds of one process (median), speed-up by two (median, lowest, highest) and
        efficiency, its half.
    """
    rng = np.random.default_rng(0)
    pool = [SPACE.sample(rng) for _ in range(networks)]
    with ExitStack() as stack:
        for way in ways:
            two = _two(way, stack)
            two(pool[:6])
            ones, ratios = [], []
            for _ in range(rounds):
                one = _seconds(lambda: fresh().score(pool, space=SPACE, workers=1))
                ones.append(one)
                ratios.append(one / _seconds(lambda two=two: two(pool)))  # type: ignore[misc]
            median = statistics.median(ratios)
            yield {
                "way": way, "networks": networks, "rounds": rounds,
                "one_process_seconds": round(statistics.median(ones), 2),
                "speedup": round(median, 2), "lowest": round(min(ratios), 2),
                "highest": round(max(ratios), 2), "efficiency": round(median / 2, 2),
            }  # fmt: skip


def _two(way: str, stack: ExitStack) -> Callable[[list[Any]], Any]:
    if way == "workers":
        scorer = fresh()

        def ours(pool: list[Any]) -> Any:
            # The same crew, with nothing remembered.
            scorer._remembered.clear()
            return scorer.score(pool, space=SPACE, workers=2)

        return ours
    executor: Any
    if way == "processes":
        executor = stack.enter_context(ProcessPoolExecutor(2, get_context("spawn")))
    elif way == "ray":
        import ray

        from zc_plugins.executors.ray import RayExecutor

        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        stack.callback(ray.shutdown)
        executor = stack.enter_context(RayExecutor())
    else:
        distributed: Any = importlib.import_module("distributed")
        cluster = stack.enter_context(
            distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
        )
        executor = stack.enter_context(distributed.Client(cluster)).get_executor()
    return lambda pool: fresh().score(pool, space=SPACE, executor=executor)


def _seconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start
