"""Where candidates are handed in and rows of scores handed out."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from zc_plugins._scoring.candidate import Candidate
from zc_plugins._scoring.crew import Crew
from zc_plugins._scoring.memory import Memory
from zc_plugins._scoring.method import Method
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
        self, candidates: Sequence[Candidate], method: Method, memory: Memory, workers: int | str
    ) -> Iterator[tuple[int, ScoreRow, float]]:
        """Places, rows and seconds: what is known, then the others as they come in.

        Raises:
            InvalidArgument: if ``workers`` is no positive number.
            MissingExtra: if several workers are asked for without the extra.
        """
        alike: dict[Any, list[int]] = {}
        for place, candidate in enumerate(candidates):
            alike.setdefault(candidate.known or place, []).append(place)
        places = list(alike.values())
        different = [candidates[group[0]] for group in places]
        for which, row, spent in self._rows_of_different(different, method, memory, workers):
            yield from ((p, row, spent * (p == places[which][0])) for p in places[which])

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

    def _rows_of_different(
        self, candidates: Sequence[Candidate], method: Method, memory: Memory, workers: int | str
    ) -> Iterator[tuple[int, ScoreRow, float]]:
        plan, pending = Plan(workers, method.device), deque[int]()
        for place, candidate in enumerate(candidates):
            with self._turn:
                row = memory.recalled(candidate)
            if row is None:
                pending.append(place)
            else:
                yield place, row, 0.0
        while pending and not plan.pays(len(pending)):
            place = pending.popleft()
            row, spent = self.row(candidates[place], method, memory)
            plan.saw(spent)
            yield place, row, spent
        if pending:
            sent = [candidates[place] for place in pending]
            for which, outcome in self.crew.run(method, sent, plan.devices):
                if outcome is None:
                    yield pending[which], *self.row(sent[which], method, memory)
                else:
                    yield pending[which], *self._kept(sent[which], memory, *outcome)

    def _kept(
        self, candidate: Candidate, memory: Memory, row: ScoreRow, seconds: float
    ) -> tuple[ScoreRow, float]:
        with self._turn:
            memory.keep(candidate, row)
            self.scored, self.seconds = self.scored + 1, self.seconds + seconds
        return row, seconds
