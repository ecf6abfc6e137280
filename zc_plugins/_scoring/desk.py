"""Where candidates are handed in and rows of scores handed out."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from zc_plugins._scoring.borrowed import Borrowed
from zc_plugins._scoring.candidate import Candidate
from zc_plugins._scoring.crew import Crew
from zc_plugins._scoring.memory import Memory
from zc_plugins._scoring.method import Method
from zc_plugins._scoring.shift import Hands, Outcome, Shift
from zc_plugins._scoring.worker_plan import Plan
from zc_plugins.proxies._proxy import ScoreRow


class Desk:
    """Scores each architecture once, here or in workers. Threads take turns.

    Attributes:
        scored: networks scored so far; what is remembered does not count again.
        seconds: wall time spent on building and scoring them, summed over workers.
        crew: the workers.
    """

    def __init__(self) -> None:
        self.scored, self.seconds = 0, 0.0
        self.crew = Crew()
        self._turn = threading.RLock()

    def rows(
        self, candidates: Iterable[Candidate], method: Method, memory: Memory, plan: Plan
    ) -> Iterator[tuple[int, ScoreRow, float]]:
        """Places, rows and seconds, as they come in; what is known comes as it is read.

        No more candidates are read than are in flight, or than the plan looks at.

        Raises:
            InvalidArgument: if a candidate cannot be sent to the user's executor.
        """
        twins: dict[Any, list[int]] = {}
        shift: Shift | None = None
        with contextlib.ExitStack() as hired:
            for place, candidate, known, left in self._read(candidates, memory, twins, plan.ahead):
                if known is not None:
                    yield place, known, 0.0
                    continue
                if shift is None and plan.pays(left):
                    shift = Shift(method, candidate.space, hired.enter_context(self._hands(plan)))
                    hired.callback(shift.cancel)
                if shift is None or candidate.built:
                    came: Iterable[Outcome] = [(place, candidate, None)]
                else:
                    came = shift.hand_in(place, candidate)
                for done, row, spent in self._taken(came, method, memory, twins):
                    if shift is None and done == place:
                        plan.saw(spent)
                    yield done, row, spent
            if shift is not None:
                yield from self._taken(shift.rest(), method, memory, twins)

    def row(self, candidate: Candidate, method: Method, memory: Memory) -> tuple[ScoreRow, float]:
        """Row and seconds of one candidate, in this process."""
        with self._turn:
            known = memory.recalled(candidate)
            if known is not None:
                return known, 0.0
            return self._kept(candidate, memory, *method.row(candidate))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_turn"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _turn=threading.RLock())

    def _read(
        self,
        candidates: Iterable[Candidate],
        memory: Memory,
        twins: dict[Any, list[int]],
        ahead: int,
    ) -> Iterator[tuple[int, Candidate, ScoreRow | None, int]]:
        """Place, candidate, its row if known, else the number of candidates known to be left.

        Candidates that are the same as one that is on its way go to ``twins``.
        """
        queue: deque[tuple[int, Candidate]] = deque()
        for place, candidate in enumerate(candidates):
            if candidate.known in twins:
                twins[candidate.known].append(place)
                continue
            with self._turn:
                row = memory.recalled(candidate)
            if row is not None:
                yield place, candidate, row, 0
                continue
            if candidate.known is not None:
                twins[candidate.known] = []
            queue.append((place, candidate))
            if len(queue) > ahead:
                yield *queue.popleft(), None, len(queue) + 1
        while queue:
            yield *queue.popleft(), None, len(queue) + 1

    def _taken(
        self,
        outcomes: Iterable[Outcome],
        method: Method,
        memory: Memory,
        twins: dict[Any, list[int]],
    ) -> Iterator[tuple[int, ScoreRow, float]]:
        for place, candidate, scored in outcomes:
            if scored is None:
                row, spent = self.row(candidate, method, memory)
            else:
                row, spent = self._kept(candidate, memory, *scored)
            yield place, row, spent
            for twin in twins.pop(candidate.known, ()):
                yield twin, row, 0.0

    @contextlib.contextmanager
    def _hands(self, plan: Plan) -> Iterator[Hands]:
        if plan.executor is None:
            with self.crew.hired(plan.devices) as workers:
                yield workers
            return
        borrowed = Borrowed(plan.executor)
        try:
            yield borrowed
        finally:
            borrowed.give_back()

    def _kept(
        self, candidate: Candidate, memory: Memory, row: ScoreRow, seconds: float
    ) -> tuple[ScoreRow, float]:
        with self._turn:
            memory.keep(candidate, row)
            self.scored, self.seconds = self.scored + 1, self.seconds + seconds
        return row, seconds
