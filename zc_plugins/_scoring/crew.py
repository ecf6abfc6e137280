"""Worker processes that score the candidates of a pool, each one candidate at a time."""

from __future__ import annotations

import contextlib
import functools
import pickle
import signal
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import torch

from zc_plugins._optional import require
from zc_plugins._scoring.candidate import Candidate
from zc_plugins._scoring.method import Method
from zc_plugins._scoring.parcel import packed
from zc_plugins.errors import WorkerDied
from zc_plugins.proxies._proxy import ScoreRow

IDLE_SECONDS = 30.0
"""Workers that wait so long for the next pool end."""

Scored = tuple[ScoreRow, float]

_SHARED: ContextVar[tuple[bytes, str]] = ContextVar("_SHARED")
"""In a worker: the packed method and space, and the worker's device."""


class Crew:
    """Workers that stay a while for the next pool of the same scorer and space."""

    def __init__(self) -> None:
        self._free: tuple[bytes, list[_Worker]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"_free": None}

    def run(
        self, method: Method, candidates: Sequence[Candidate], devices: Sequence[str]
    ) -> Iterator[tuple[int, Scored | None]]:
        """Places, rows and seconds in the order in which they come in.

        A candidate whose worker died is tried again, alone, when all others are done; then it has
        a row of NaN. When the iterator is closed or interrupted, the workers are killed.

        Args:
            method: how each is scored.
            candidates: of one space, or without one.
            devices: one for each worker.

        Yields:
            In place of row and seconds None, at the end, for a candidate that cannot be sent: a
            network that is built, or one of which pickle or a fresh process can make nothing.
        """
        shared = packed((method, candidates[0].space))
        if shared is None:
            yield from ((place, None) for place in range(len(candidates)))
            return
        workers = self._hired(shared, devices)
        shift = _Shift(method, candidates, workers)
        try:
            yield from shift
            if self._free is None:
                self._free, workers = (shared, workers), []
        finally:
            for worker in workers:
                worker.dismiss()
        yield from ((place, None) for place in shift.unsent)

    def _hired(self, shared: bytes, devices: Sequence[str]) -> list[_Worker]:
        # A second pool at the same time finds none free and hires its own.
        free, self._free = self._free, None
        if free is not None:
            if free[0] == shared and [worker.device for worker in free[1]] == list(devices):
                return free[1]
            for worker in free[1]:
                worker.dismiss()
        return [_Worker(device, shared) for device in devices]


class _Shift:
    """One pool on its way through the workers; ``unsent`` are the places that none could take."""

    def __init__(
        self, method: Method, candidates: Sequence[Candidate], workers: Sequence[_Worker]
    ) -> None:
        self.method, self.candidates = method, candidates
        self.unsent: list[int] = []
        self._idle = list(reversed(workers))
        self._busy: dict[Future[Scored | None], tuple[_Worker, int]] = {}
        self._waiting = deque(range(len(candidates)))
        self._dropped: deque[int] = deque()
        self._retried: set[int] = set()

    def __iter__(self) -> Iterator[tuple[int, Scored]]:
        while self._waiting or self._dropped or self._busy:
            if not self._waiting and not self._busy:
                # Alone: what the others took of the memory is free now.
                self._waiting.append(self._dropped.popleft())
            while self._waiting and self._idle:
                self._hand_out(self._waiting.popleft())
            if not self._idle and not self._busy:
                # No process can be started here.
                self.unsent += [*self._waiting, *self._dropped]
                return
            if self._busy:
                for future in wait(self._busy, return_when=FIRST_COMPLETED).done:
                    yield from self._taken_in(future)

    def _hand_out(self, place: int) -> None:
        candidate = self.candidates[place]
        parcel = None if candidate.built else packed((candidate.key, candidate.item))
        if parcel is None:
            self.unsent.append(place)
            return
        worker = self._idle.pop()
        try:
            self._busy[worker.submit(parcel)] = worker, place
        except OSError:
            # Out of processes, files or semaphores: the others go on.
            self._waiting.appendleft(place)

    def _taken_in(self, future: Future[Scored | None]) -> Iterator[tuple[int, Scored]]:
        worker, place = self._busy.pop(future)
        self._idle.append(worker)
        try:
            outcome = future.result()
        except BrokenExecutor:
            worker.dismiss()
            if place not in self._retried:
                self._retried.add(place)
                self._dropped.append(place)
                return
            outcome = self._failed(WorkerDied("the worker process ended, twice"))
        except Exception as error:
            outcome = self._failed(error)
        if outcome is None:
            self.unsent.append(place)
        else:
            yield place, outcome

    def _failed(self, error: Exception) -> Scored:
        return self.method.failed(error), 0.0


@dataclass
class _Worker:
    """The only process of an executor of its own, so that its death costs no other candidate."""

    device: str
    shared: bytes
    executor: Executor | None = None

    def submit(self, parcel: bytes) -> Future[Scored | None]:
        """Start the process if need be.

        Raises:
            OSError: if it cannot be started.
        """
        with _deaf_to_interrupts():
            try:
                return self._running().submit(_work, parcel)
            except BrokenExecutor:
                # It died while it was idle.
                self.dismiss()
                return self._running().submit(_work, parcel)

    def dismiss(self) -> None:
        """End the process, whatever it is doing."""
        executor: Any = self.executor
        if executor is not None:
            self.executor = None
            executor.shutdown(wait=True, kill_workers=True)

    def _running(self) -> Executor:
        if self.executor is None:
            self.executor = require("loky", extra="workers").ProcessPoolExecutor(
                1,
                timeout=IDLE_SECONDS,
                initializer=_settle,
                initargs=(self.shared, self.device),
                env={"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        return self.executor


def _settle(shared: bytes, device: str) -> None:
    """In a worker, once."""
    torch.set_num_threads(1)
    _SHARED.set((shared, device))
    # What builders print is kept out of the parent's output.
    sys.stdout = sys.stderr


def _work(parcel: bytes) -> Scored | None:
    """In a worker: row and seconds; None if this process can make nothing of the candidate."""
    shared, device = _SHARED.get()
    try:
        method, space = _unpacked(shared)
        key, item = pickle.loads(parcel)
    except Exception:
        return None
    placed: Method = replace(method, device=torch.device(device))
    return placed.row(Candidate(key, item, space))


@functools.lru_cache(maxsize=1)
def _unpacked(shared: bytes) -> Any:
    return pickle.loads(shared)


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """A process started inside hears no Ctrl-C: its parent does, and ends it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
