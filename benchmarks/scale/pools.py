"""Pools of up to a million candidates through an executor and the cache, with made-up scores."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np
from torch import nn

from zc_plugins import Excitation, Scorer
from zc_plugins.proxies._proxy import LayerScores


class Numbers:
    """A space of whole numbers, none of which is ever built."""

    name = "numbers"

    def sample(self, rng: np.random.Generator) -> int:
        return int(rng.integers(2**62))

    def mutate(self, architecture: int, rng: np.random.Generator) -> int:
        return self.sample(rng)

    def build(self, architecture: int) -> nn.Module:
        return nn.Linear(4, architecture % 64 + 1)

    def canonical(self, architecture: int) -> int:
        return architecture

    def encode(self, architecture: int) -> str:
        return str(architecture)

    def decode(self, text: str) -> int:
        return int(text)

    def suggest(self, trial: Any) -> int:
        return int(trial.suggest_int("number", 0, 2**62))


class Stub(Executor):
    """Answers at once, with a row of ten layers."""

    def __init__(self) -> None:
        scores = LayerScores(1.0, np.ones(10), tuple(f"layer{place}" for place in range(10)))
        self._row = {"expressivity": scores, "trainability": scores}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result((self._row, 0.0))
        return future


def pools(most: int) -> Iterator[dict[str, Any]]:
    """Seconds per thousand and peak memory while a pool is streamed, and once more from the cache.

    Args:
        most: candidates; a row is told at each power of ten from 1,000 on.

    Yields:
        pass ("fresh", "known"), candidates, seconds for each 1,000 since the last row, and the
        most MB that this process has held.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name in ("fresh", "known"):
            scorer = Scorer(
                ["expressivity", "trainability"],
                Excitation((3, 8, 8)),
                device="cpu",
                cache=f"{folder}/scores.sqlite3",
            )
            start, last, mark = time.perf_counter(), 0, 1000
            stream = scorer.stream(iter(range(most)), space=Numbers(), executor=Stub())
            for done, _ in enumerate(stream, start=1):
                if done == mark:
                    now = time.perf_counter()
                    yield {
                        "pass": name,
                        "candidates": done,
                        "seconds_per_thousand": round(1000 * (now - start) / (done - last), 4),
                        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                    }
                    start, last, mark = time.perf_counter(), done, mark * 10
