"""Actors of a Ray cluster as an executor."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any

from zc_plugins._optional import require
from zc_plugins.errors import InvalidArgument

QUEUED = 2
"""Tasks that an actor holds: one at work, and one so that it need not wait for the next."""


class RayExecutor(Executor):
    """One Ray actor for each GPU or core of the cluster.

    An actor holds two tasks, the others wait here. When an actor is lost, its tasks raise
    ``BrokenExecutor``, which ``Scorer`` answers with another try, and a new actor takes its place.

    Args:
        workers: actors; as many as the cluster has GPUs where None, or cores if it has no GPU.
        cpus: cores of each.
        gpus: of each; where None, 1 if the cluster has one. Ray shows an actor only its own.

    Raises:
        MissingExtra: without the extra ``ray``.
        InvalidArgument: if Ray is not running, or there would be no actor.
    """

    def __init__(
        self, workers: int | None = None, *, cpus: float = 1, gpus: float | None = None
    ) -> None:
        self._ray = require("ray", extra="ray")
        if not self._ray.is_initialized():
            raise InvalidArgument(
                'Ray is not running: call ray.init() first, or ray.init(address="auto") in a '
                "cluster"
            )
        there = self._ray.cluster_resources()
        if gpus is None:
            gpus = min(1, there.get("GPU", 0))
        if workers is None:
            workers = int(there.get("GPU", 0) // gpus if gpus else there.get("CPU", 0) // cpus)
        if workers < 1:
            raise InvalidArgument(
                f"workers={workers} of {cpus} cores and {gpus} GPUs in a cluster of {there}: ask "
                "for less"
            )
        # Scorer keeps twice as many tasks in flight.
        self._max_workers = workers
        self._inbox: SimpleQueue[_Task | _Answer | None] = SimpleQueue()
        self._closed = self._cancels = False
        self._turn = threading.Lock()
        actor = self._ray.remote(num_cpus=cpus, num_gpus=gpus)(_Actor)
        self._keeper = threading.Thread(target=self._keep, args=(actor, workers), daemon=True)
        self._keeper.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As in ``concurrent.futures``; what travels is what Ray can pickle."""
        task = _Task(Future(), partial(fn, *args, **kwargs))
        with self._turn:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._inbox.put(task)
        return task.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the actors when their work is done, or with what is in work; Ray stays."""
        with self._turn:
            self._closed, self._cancels = True, self._cancels or cancel_futures
            self._inbox.put(None)
        if wait:
            self._keeper.join()

    def _keep(self, actor: Any, workers: int) -> None:
        """In a thread of its own, as Ray's callbacks must not wait for Ray."""
        hired = [_Hired(actor.remote()) for _ in range(workers)]
        waiting: deque[_Task] = deque()
        busy = 0
        while not (self._closed and self._inbox.empty() and not busy and not waiting):
            event = self._inbox.get()
            if isinstance(event, _Task):
                waiting.append(event)
            elif isinstance(event, _Answer):
                busy -= 1
                event.actor.load -= 1
                if self._tell(event) and event.actor in hired:
                    hired[hired.index(event.actor)] = _Hired(actor.remote())
            if self._cancels:
                for task in waiting:
                    task.future.cancel()
            while waiting and min(hired, key=_load).load < QUEUED:
                busy += self._hand_out(waiting.popleft(), min(hired, key=_load))
        for each in hired:
            self._ray.kill(each.handle)

    def _hand_out(self, task: _Task, actor: _Hired) -> bool:
        """Whether it is on its way."""
        if not task.future.set_running_or_notify_cancel():
            return False
        try:
            answer = actor.handle.run.remote(task.call).future()
        except Exception as error:
            # Ray cannot send it, or was shut down.
            task.future.set_exception(error)
            return False
        actor.load += 1
        answer.add_done_callback(lambda done: self._inbox.put(_Answer(actor, task, done)))
        return True

    def _tell(self, answer: _Answer) -> bool:
        """Pass the answer on; whether the actor was lost."""
        error, failures = answer.content.exception(), self._ray.exceptions
        if error is None:
            answer.task.future.set_result(answer.content.result())
            return False
        # The function's own errors come as RayTaskError.
        lost = isinstance(error, failures.RayError) and not isinstance(error, failures.RayTaskError)
        answer.task.future.set_exception(BrokenExecutor(str(error)) if lost else error)
        return lost


class _Actor:
    def run(self, call: Callable[[], Any]) -> Any:
        return call()


@dataclass(eq=False)
class _Hired:
    handle: Any
    load: int = 0


@dataclass(frozen=True, eq=False)
class _Task:
    future: Future[Any]
    call: Callable[[], Any]


@dataclass(frozen=True, eq=False)
class _Answer:
    actor: _Hired
    task: _Task
    content: Future[Any]


def _load(actor: _Hired) -> int:
    return actor.load
