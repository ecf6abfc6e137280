"""The problems: a table, the space that is searched in it, and kept scores of its architectures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from benchmarks import scores
from benchmarks.search import whole_space
from benchmarks.search.recorded import Recorded, cell_code, macro_code
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces import SearchSpace
from zc_plugins.tables import Table, training_seconds
from zc_plugins.tables.nasbench201 import DATASETS, nasbench201
from zc_plugins.tables.transnasbench101 import TASKS


@dataclass(frozen=True, eq=False)
class Problem:
    """One table to search in.

    Attributes:
        name: key of ``PROBLEMS``.
        table: of trainings.
        space: of proposals; each of them has a row in the table.
        scores: AZ-NAS's, of all canonical architectures, with the seconds of scoring each.
        rows: place in the table by architecture's text.
    """

    name: str
    table: Table
    space: SearchSpace[Any]
    scores: ScoreTable
    rows: Mapping[str, int]

    @property
    def epochs(self) -> tuple[int, ...]:
        """Of the recorded trainings, ascending; the last one is the whole training."""
        return tuple(sorted(self.table.fidelities))

    @property
    def mean_seconds(self) -> float:
        """Of a whole training, over the architectures: the unit of the budgets."""
        return float(training_seconds(self.table, self.epochs[-1]).mean())

    @property
    def blind_regret(self) -> float:
        """The mean regret of one architecture drawn at random."""
        return float((self.table.test.max() - self.table.test).mean())

    def better_scores(self) -> ScoreTable:
        """Those of ``best_training_free``, of 16-pixel networks and one draw; NAS-Bench-201's."""
        return scores.read("best_training_free", "imagenet16-120")

    def row(self, architecture: Any) -> int:
        """The architecture's place in the table."""
        return self.rows[self.space.encode(architecture)]


def names() -> list[str]:
    """Of all problems."""
    found = [f"nasbench201-{dataset}" for dataset in DATASETS]
    found += [f"transnasbench101-{space}-{task}" for space in ("micro", "macro") for task in TASKS]
    return [*found, "nasbench101"]


@cache
def problem(name: str, data: str) -> Problem:
    """The problem of that name, from the folder of the tables."""
    family, _, rest = name.partition("-")
    space: Any
    if family == "nasbench201":
        table: Table = nasbench201(data, rest)
        # One space for the three data sets: the scores are those of the network with ten classes.
        space, kept = table.space, scores.read("az_nas", "cifar10")
    elif family == "nasbench101":
        table = whole_space.table_of(name, data)
        kept = scores.read_from(whole_space.path(name))
        space = Recorded(table.space, table.architectures, cell_code)
    else:
        size, _, task = rest.partition("-")
        table = whole_space.table_of(f"{family}-{size}", data, task)
        space, kept = table.space, scores.read_from(whole_space.path(f"{family}-{size}"))
        if size == "macro":
            space = Recorded(space, table.architectures, macro_code)
    rows = {text: place for place, text in enumerate(table.architectures)}
    return Problem(name, table, space, kept, rows)


def best_first(numbers: Any) -> list[int]:
    """Places by descending number, NaN last."""
    return [int(place) for place in np.argsort(-np.asarray(numbers), kind="stable")]
