"""Whether worker processes save time on the candidates that are left to score."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import Executor
from functools import cached_property

import torch

from zc_plugins._optional import require
from zc_plugins.errors import InvalidArgument, MissingExtra

START_SECONDS = 7.0
"""Until a fresh process is at full speed: four of import, three that the first network costs."""

FEWEST = 16
"""With fewer candidates left, ``auto`` stays in this process."""

AHEAD = 10_000
"""Candidates that ``auto`` looks at to judge how many are left."""

HANDOVER_SECONDS = 0.003
"""A candidate's way to a worker and back, of this process's time."""


class Plan:
    """Whether the candidates that are left go to workers.

    ``"auto"`` scores two here, takes the second one's seconds (the first warms up), then the mean
    of all but the first, and hires workers once they will save two start-up times. On one thread a
    candidate is taken to need threads ** 0.75 times the seconds that it needs on several (two
    threads gained 1.4 to 1.9 times on NAS-Bench-201).

    Args:
        workers: a number of processes, or ``"auto"``: one a core, or one an accelerator if there
            are several; none in a process that is itself a worker of ``multiprocessing``.
        device: of the scorer.
        executor: of the user's, or a function that makes one; scores all in place of workers.

    Raises:
        InvalidArgument: if it is no positive number.
        MissingExtra: if a number above 1 is asked for without the extra.
    """

    def __init__(
        self,
        workers: int | str,
        device: torch.device,
        executor: Executor | Callable[[], Executor] | None = None,
    ) -> None:
        self.asked = None if workers == "auto" else workers
        self.device, self.executor = device, executor
        if self.asked is not None and (not isinstance(self.asked, int) or self.asked < 1):
            raise InvalidArgument(f"workers={workers!r}: pass 'auto' or a number of processes")
        if self.asked is not None and self.asked > 1:
            require("loky", extra="workers")
        if executor is not None:
            require("cloudpickle", extra="workers")
        self._seen, self._seconds = 0, 0.0

    @property
    def ahead(self) -> int:
        """Candidates to read before the first is scored."""
        return AHEAD if self.asked is None and self.executor is None else 0

    def saw(self, seconds: float) -> None:
        """A candidate was scored here in so many seconds."""
        # The first one only warms up.
        self._seconds += seconds * bool(self._seen)
        self._seen += 1

    def pays(self, left: int) -> bool:
        """Whether so many candidates are better sent to workers."""
        if self.executor is not None:
            return True
        if isinstance(self.asked, int):
            return self.asked > 1
        if left < FEWEST or self._seen < 2:
            return False
        here = left * self._seconds / (self._seen - 1)
        if here < 2 * START_SECONDS or not _available():
            return False
        slower = torch.get_num_threads() ** 0.75 if self.device.type == "cpu" else 1.0
        there = here * slower / min(left, len(self.devices)) + left * HANDOVER_SECONDS
        return len(self.devices) > 1 and here - there > 2 * START_SECONDS

    @cached_property
    def devices(self) -> list[str]:
        """One for each worker."""
        several = self.device.type != "cpu" and self.device.index is None
        accelerators = torch.accelerator.device_count() if several else 1
        if isinstance(self.asked, int):
            number = self.asked
        elif self.device.type == "cpu":
            number = int(require("loky", extra="workers").cpu_count())
        else:
            number = max(1, accelerators)
        if accelerators < 2:
            return [str(self.device)] * number
        return [f"{self.device.type}:{place % accelerators}" for place in range(number)]


def _available() -> bool:
    try:
        require("loky", extra="workers")
    except MissingExtra:
        return False
    return multiprocessing.parent_process() is None
