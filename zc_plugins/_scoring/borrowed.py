"""An executor of the user's, lent for one pool."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any

from zc_plugins.errors import InvalidArgument

IN_FLIGHT = 256
"""Candidates in flight where an executor does not tell how many workers it has."""


class Borrowed:
    """Hands of an executor, or of a function that makes one, anew when it has broken.

    Args:
        lent: used as it is and left open; what a function makes is shut down by ``give_back``.

    Raises:
        InvalidArgument: if it is neither.
    """

    lenient = False

    def __init__(self, lent: Executor | Callable[[], Executor]) -> None:
        self._make: Callable[[], Executor] | None = None
        if not isinstance(lent, Executor):
            self._make = lent if callable(lent) else None
            lent = lent() if callable(lent) else lent
        if not isinstance(lent, Executor):
            raise InvalidArgument(
                f"executor={lent!r}: pass a concurrent.futures.Executor, or a function that makes "
                "one; of a Dask client its client.get_executor()"
            )
        self._executor = lent
        # Twice as many as workers, so that none waits for this process.
        workers = getattr(lent, "_max_workers", None)
        self.limit = 2 * workers if isinstance(workers, int) else IN_FLIGHT

    def submit(self, task: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        try:
            return self._executor.submit(task, *arguments)
        except BrokenExecutor:
            if self._make is None:
                raise
            self._executor.shutdown(wait=False)
            self._executor = self._make()
            return self._executor.submit(task, *arguments)

    def give_back(self) -> None:
        """Shut down what was made here."""
        if self._make is not None:
            self._executor.shutdown(wait=True)
