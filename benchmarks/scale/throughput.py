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
import psutil

from zc_plugins import recipes
from zc_plugins.scorer import Scorer
from zc_plugins.spaces.nasbench201 import NasBench201

SPACE = NasBench201()
WAYS = ["workers", "processes", "ray", "dask", "dask, few mmaps"]
FEW_MMAPS = {"distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 2**25}
"""Dask sets ``MALLOC_TRIM_THRESHOLD_``: then each tensor is mapped and unmapped by the system."""


def fresh() -> Scorer:
    """A scorer that knows nothing yet."""
    return recipes.az_nas((3, 32, 32), batch_size=16, device="cpu")


def throughput(networks: int, rounds: int, ways: list[str]) -> Iterator[dict[str, Any]]:
    """The same pool in this process, on one thread, and in two processes, in turns.

    Speed-up is the median of the rounds' ratios of wall time, and efficiency the half of it. What
    else runs on the machine slows both. Processor time is hardly touched by it: what two processes
    and this one, which hands out, need more of it than one process is lost on a quiet machine too.

    Yields:
        way, networks, rounds, speed-up by two (median, lowest, highest), efficiency, and processor
        seconds of one process and of two (medians) with their ratio, a bound of the efficiency.
    """
    rng = np.random.default_rng(0)
    pool = [SPACE.sample(rng) for _ in range(networks)]
    with ExitStack() as stack:
        for way in ways:
            two = _two(way, stack)
            two(pool[:6])
            walls, ones, twos = [], [], []
            for _ in range(rounds):
                wall, one = _seconds(lambda: fresh().score(pool, space=SPACE, workers=1))
                wall_of_two, both = _seconds(lambda two=two: two(pool))  # type: ignore[misc]
                walls.append(wall / wall_of_two)
                ones.append(one)
                twos.append(both)
            yield {
                "way": way, "networks": networks, "rounds": rounds,
                "speedup": round(statistics.median(walls), 2),
                "lowest": round(min(walls), 2), "highest": round(max(walls), 2),
                "efficiency": round(statistics.median(walls) / 2, 2),
                "processor_seconds_one": round(statistics.median(ones), 2),
                "processor_seconds_two": round(statistics.median(twos), 2),
                "processor_ratio": round(statistics.median(ones) / statistics.median(twos), 2),
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
        if way == "dask, few mmaps":
            stack.enter_context(importlib.import_module("dask").config.set(FEW_MMAPS))
        cluster = stack.enter_context(
            distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
        )
        executor = stack.enter_context(distributed.Client(cluster)).get_executor()
    return lambda pool: fresh().score(pool, space=SPACE, executor=executor)


def _seconds(act: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the wall, and of the processor in this process and those that it has started."""
    start, used = time.perf_counter(), _processor()
    act()
    return time.perf_counter() - start, _processor() - used


def _processor() -> float:
    this = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in [this, *this.children(recursive=True)])
