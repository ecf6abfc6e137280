"""Worker processes of ours, each with one candidate at a time and a device of its own."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass
from typing import Any

import torch

from zc_plugins._interrupts import deaf_to_interrupts
from zc_plugins._optional import require
from zc_plugins._scoring.task import DEVICE

IDLE_SECONDS = 30.0
"""Workers that wait so long for the next pool end."""


class Crew:
    """Workers that stay a while for the next pool of the same scorer."""

    def __init__(self) -> None:
        self._free: Workers | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"_free": None}

    @contextlib.contextmanager
    def hired(self, devices: Sequence[str]) -> Iterator[Workers]:
        """Workers, one for each device; killed when the block is left by an exception."""
        # A second pool at the same time finds none free and hires its own.
        workers, self._free = self._free, None
        if workers is None or workers.devices != list(devices):
            if workers is not None:
                workers.dismiss()
            workers = Workers(devices)
        try:
            yield workers
        except BaseException:
            workers.dismiss()
            raise
        if self._free is None:
            self._free = workers
        else:
            workers.dismiss()


class Workers:
    """Processes that start when they are needed; one that died is started anew.

    Args:
        devices: one for each.
    """

    lenient = True

    def __init__(self, devices: Sequence[str]) -> None:
        self.devices, self.limit = list(devices), len(devices)
        self._workers = [_Worker(device) for device in devices]

    def submit(self, task: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        """Give the task to a worker that is idle; at most ``limit`` may be under way."""
        idle = [worker for worker in self._workers if worker.idle]
        # Who runs already needs nothing from the system.
        chosen = min(idle, key=lambda worker: worker.executor is None)
        return chosen.submit(task, *arguments)

    def dismiss(self) -> None:
        """End the processes, whatever they are doing."""
        for worker in self._workers:
            worker.dismiss()


@dataclass
class _Worker:
    """The only process of an executor of its own, so that its death costs no other candidate."""

    device: str
    executor: Executor | None = None
    last: Future[Any] | None = None

    @property
    def idle(self) -> bool:
        return self.last is None or self.last.done()

    def submit(self, task: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Start the process if need be.

        Raises:
            OSError: if it cannot be started.
        """
        with deaf_to_interrupts():
            try:
                self.last = self._running().submit(task, *arguments)
            except BrokenExecutor:
                # It died with the last task, or while it was idle.
                self.dismiss()
                self.last = self._running().submit(task, *arguments)
        return self.last

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
                initargs=(self.device,),
                env={"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        return self.executor


def _settle(device: str) -> None:
    """In a worker, once."""
    torch.set_num_threads(1)
    DEVICE.set(device)
    # What builders print is kept out of the parent's output.
    sys.stdout = sys.stderr
