"""Time, memory and host synchronisations of an action on this machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

Act = Callable[[], Any]


def training_step(model: nn.Module, x: Tensor, labels: Tensor) -> None:
    """One forward and backward to all parameters."""
    model.zero_grad(set_to_none=True)
    torch.autograd.backward(nn.functional.cross_entropy(model(x), labels))


def seconds(act: Act, clock: Callable[[], float] = time.perf_counter) -> float:
    """Time of one run, by default on the wall."""
    start = clock()
    act()
    return clock() - start


def interleaved(acts: Mapping[str, Act], repeats: int) -> dict[str, float]:
    """Median CPU seconds of each in this process, which waits on a busy machine do not count in.

    They take turns, so that a busy moment falls on all.
    """
    clock = time.process_time
    runs = [{name: seconds(act, clock) for name, act in acts.items()} for _ in range(repeats)]
    return {name: statistics.median(run[name] for run in runs) for name in acts}


def peak_bytes(act: Act) -> int:
    """Largest sum of live bytes that torch's allocator held during one run, above the start."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        act()
    results: Any = profiler.profiler
    events = [e for e in results.kineto_results.events() if e.name() == "[memory]"]
    live = np.cumsum([e.nbytes() for e in sorted(events, key=lambda e: e.start_ns())])
    return int(live.max()) if len(live) else 0


def spread(values: list[float]) -> list[float]:
    """Smallest and largest."""
    return [round(min(values), 3), round(max(values), 3)]


def median(values: list[float]) -> float:
    """Rounded for print."""
    return round(statistics.median(values), 3)
