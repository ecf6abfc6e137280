"""What a search has paid and found so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from benchmarks.search.problems import Problem
from zc_plugins.tables import training_seconds


@dataclass(frozen=True)
class Point:
    """The state of a search from here to the next point.

    Attributes:
        seconds: of simulated training and of measured scoring.
        trainings: architectures whose training was begun.
        whole: architectures that were trained to the end.
        regret: the table's best test metric minus the incumbent's, in the table's metric.
    """

    seconds: float
    trainings: int
    whole: int
    regret: float


@dataclass
class Course:
    """The account of one search: it trains by looking up, and pays.

    The incumbent is the architecture with the best validation after the whole training. Before the
    first one, the regret is that of an architecture drawn at random.

    Attributes:
        problem: searched.
        units: budget, in mean seconds of a whole training.
        most: trainings after which it ends too.
    """

    problem: Problem
    units: float
    most: int = 10**9
    seconds: float = 0.0
    trainings: int = 0
    whole: int = 0
    points: list[Point] = field(default_factory=list)
    _best: float = -np.inf

    def __post_init__(self) -> None:
        self._limit = self.units * self.problem.mean_seconds
        self._regret = self.problem.blind_regret
        table, epochs = self.problem.table, self.problem.epochs
        before = (0, *epochs)
        self._price = {
            (end, after): training_seconds(table, end, after=after)
            for place, end in enumerate(epochs)
            for after in before[: place + 1]
        }
        self._note()

    @property
    def over(self) -> bool:
        """Whether the budget is spent."""
        return self.seconds >= self._limit or self.whole >= self.most

    def pay(self, seconds: float) -> None:
        """Seconds of scoring."""
        self.seconds += seconds

    def train(self, row: int, epochs: int, after: int = 0) -> float:
        """The validation metric after ``epochs``, paid for.

        Args:
            row: of the table.
            epochs: one of the problem's.
            after: those that this trial has been trained before; 0 for a trial that begins.
        """
        self.seconds += float(self._price[epochs, after][row])
        self.trainings += after == 0
        validation = float(self.problem.table.fidelities[epochs][row])
        if epochs == self.problem.epochs[-1]:
            self.whole += 1
            if validation > self._best:
                self._best = validation
                test = self.problem.table.test
                self._regret = float(test.max() - test[row])
                self._note()
        return validation

    def ended(self) -> list[Point]:
        """All points, the end of the search among them."""
        self._note()
        return self.points

    def _note(self) -> None:
        self.points.append(Point(self.seconds, self.trainings, self.whole, self._regret))
