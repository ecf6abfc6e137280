"""One pool on its way through workers, a bounded number of candidates at a time."""

from __future__ import annotations

import hashlib
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from zc_plugins._scoring.candidate import Candidate
from zc_plugins._scoring.method import Method
from zc_plugins._scoring.parcel import culprit, packed
from zc_plugins._scoring.task import Scored, Unread, here, work
from zc_plugins.errors import InvalidArgument, WorkerDied

TRIES = 3
"""How often a candidate is handed out whose workers die."""

SMALL = 2**16
"""Bytes of method and space that travel with every candidate; more go to each worker once."""

Outcome = tuple[int, Candidate, Scored | None]
"""Place, candidate, and row and seconds; None if it is to be scored in this process."""


@runtime_checkable
class Hands(Protocol):
    """Workers of ours, or a user's executor.

    Attributes:
        limit: candidates in flight.
        lenient: what cannot be sent is scored in this process; otherwise it is an error.
    """

    limit: int
    lenient: bool

    def submit(self, task: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        """Hand a task out.

        Raises:
            OSError: if no process can be started at the moment.
            BrokenExecutor: if there are no workers any more.
        """
        ...


@dataclass
class _Errand:
    place: int
    candidate: Candidate
    parcel: bytes
    tries: int = 0


class Shift:
    """Hands candidates out, and takes rows in, in the order in which they come.

    A candidate whose worker died is tried again, alone, when all others are done; in the end it has
    a row of NaN.

    Args:
        method: how each is scored.
        space: of the candidates.
        hands: who score.

    Raises:
        InvalidArgument: if method or space cannot be sent and ``hands`` are not lenient.
    """

    def __init__(self, method: Method, space: Any, hands: Hands) -> None:
        self._method, self._hands = method, hands
        self._shared = packed((method, space))
        if self._shared is None and not hands.lenient:
            raise InvalidArgument(_refusal("scorer", (*_named(method), ("space", space))))
        self._digest = hashlib.sha256(self._shared or b"").hexdigest()
        self._busy: dict[Future[Scored | Unread], _Errand] = {}
        self._dropped: deque[_Errand] = deque()

    def hand_in(self, place: int, candidate: Candidate) -> Iterator[Outcome]:
        """Hand a candidate out as soon as there is room; what came in until then."""
        name = f"pool[{place}]"
        parcel = None
        if self._shared is not None:
            parcel = packed((candidate.key, candidate.item))
        if parcel is None:
            if not self._hands.lenient:
                raise InvalidArgument(_refusal(name, ((name, candidate.item),)))
            yield place, candidate, None
            return
        if len(self._dropped) >= self._hands.limit:
            yield from self.rest()
        while len(self._busy) >= self._hands.limit:
            yield from self._next()
        yield from self._hand_out(_Errand(place, candidate, parcel))

    def rest(self) -> Iterator[Outcome]:
        """What is still out."""
        while self._busy or self._dropped:
            if not self._busy:
                # Alone: what the others took of the memory is free now.
                yield from self._hand_out(self._dropped.popleft())
            if self._busy:
                yield from self._next()

    def cancel(self) -> None:
        """Call back what is out and not begun."""
        for future in self._busy:
            future.cancel()

    def _hand_out(self, errand: _Errand, *, settle: bool = False) -> Iterator[Outcome]:
        shared = self._shared
        if shared is not None and len(shared) > SMALL and not settle:
            shared = None
        while True:
            try:
                future = self._hands.submit(
                    work, self._digest, shared, errand.parcel, here(), errand.tries
                )
            except OSError:
                # Out of processes, files or semaphores: the others go on.
                if self._busy:
                    yield from self._next()
                    continue
                yield errand.place, errand.candidate, None
            except BrokenExecutor as error:
                yield self._without_hands(errand, error)
            else:
                self._busy[future] = errand
            return

    def _next(self) -> Iterator[Outcome]:
        for future in wait(self._busy, return_when=FIRST_COMPLETED).done:
            yield from self._taken_in(self._busy.pop(future), future)

    def _taken_in(self, errand: _Errand, future: Future[Scored | Unread]) -> Iterator[Outcome]:
        try:
            answer = future.result()
        except Exception as error:
            # The task itself raises nothing: its worker was lost, whatever the executor calls it.
            errand.tries += 1
            if errand.tries < TRIES:
                self._dropped.append(errand)
            else:
                reason = f"{type(error).__name__}: {error}"
                yield self._failed(errand, f"the worker process ended, {TRIES} times ({reason})")
            return
        if not isinstance(answer, Unread):
            yield errand.place, errand.candidate, answer
        elif not answer.reason:
            yield from self._hand_out(errand, settle=True)
        elif self._hands.lenient:
            yield errand.place, errand.candidate, None
        else:
            raise InvalidArgument(
                f"the executor's workers cannot read pool[{errand.place}] ({answer.reason}): "
                "install there what it needs, or pass workers= in place of executor="
            )

    def _without_hands(self, errand: _Errand, error: Exception) -> Outcome:
        remedy = (
            "pass a function that makes one, executor=lambda: ProcessPoolExecutor(4), which is "
            "then called again"
        )
        if errand.tries:
            # It may have been the cause, and would end this process next.
            return self._failed(errand, f"the executor broke while it was scored: {remedy}")
        # The same text each time, so that Python shows it once.
        warnings.warn(
            f"the executor is broken ({type(error).__name__}), so what is left is scored in this "
            f"process: {remedy}",
            RuntimeWarning,
            stacklevel=2,
        )
        return errand.place, errand.candidate, None

    def _failed(self, errand: _Errand, reason: str) -> Outcome:
        return errand.place, errand.candidate, (self._method.failed(WorkerDied(reason)), 0.0)


def _named(method: Method) -> tuple[tuple[str, Any], ...]:
    proxies = ((f"proxy {proxy.name!r}", proxy) for proxy in method.proxies)
    return (*proxies, ("excitation", method.excitation))


def _refusal(what: str, parts: tuple[tuple[str, Any], ...]) -> str:
    found = next((culprit(part, name) for name, part in parts if packed(part) is None), what)
    return (
        f"{what} cannot be sent to the executor's workers: pickle refuses {found}. Make it inside "
        "the builder, or pass workers= in place of executor=, which scores here what it cannot send"
    )
