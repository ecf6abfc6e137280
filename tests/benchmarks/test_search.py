"""Training-based search against zc_plugins: what is paid, what is kept, and that it goes on."""

from __future__ import annotations

import csv
import gzip
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from benchmarks.search import summary
from benchmarks.search.course import Course
from benchmarks.search.kept import Kept
from benchmarks.search.metered import MeteredScorer
from benchmarks.search.methods import METHODS
from benchmarks.search.problems import Problem, names
from benchmarks.search.recorded import Recorded, cell_code, macro_code
from benchmarks.search.studies import search
from tests.benchmarks.test_commands import apart, lines
from zc_plugins.report.curves import Curve
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces.nasbench101 import Cell, NasBench101
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.spaces.transnasbench101_macro import TransNasBench101Macro

Shared = Callable[[str], Path]
GOOD, BAD = "nor_conv_3x3", "avg_pool_3x3"


@dataclass(frozen=True)
class TwoCells:
    """A table of two cells, whose seconds and metrics one can add up by hand."""

    architectures: tuple[str, ...]
    validation: Any = field(default_factory=lambda: np.array([90.0, 80.0]))
    test: Any = field(default_factory=lambda: np.array([88.0, 81.0]))
    train_seconds: Any = field(default_factory=lambda: np.array([2000.0, 1000.0]))
    space: Any = field(default_factory=NasBench201)
    one_training: bool = False
    dataset: str = "two"
    metric: str = "top-1 accuracy, percent"

    @property
    def fidelities(self) -> dict[int, Any]:
        return {12: np.array([60.0, 50.0]), 200: self.validation}


def two_cells() -> Problem:
    space = NasBench201()
    cells = [space.suggest(optuna.trial.FixedTrial(chosen(name))) for name in (GOOD, BAD)]
    texts = tuple(space.encode(cell) for cell in cells)
    assert texts == tuple(space.encode(space.canonical(cell)) for cell in cells)
    values = np.array([[3.0, 3, 3, 3], [1, 1, 1, 1]])
    proxies = ["expressivity", "progressivity", "trainability", "complexity"]
    scores = ScoreTable(texts, values, proxies, [True] * 4, seconds=np.array([0.5, 0.25]))
    rows = {text: place for place, text in enumerate(texts)}
    return Problem("two", TwoCells(texts), space, scores, rows)


def chosen(name: str) -> dict[str, str]:
    return {f"edge_{a}_{b}": name for b in range(1, 4) for a in range(b)}


def states(course: Course) -> list[tuple[float, int, int, float]]:
    return [(p.seconds, p.trainings, p.whole, p.regret) for p in course.ended()]


def test_fidelities_that_are_no_points_of_one_training_are_paid_each() -> None:
    course = Course(two_cells(), units=2)
    assert course.problem.mean_seconds == 1500
    assert course.train(1, 12) == 50
    assert course.train(1, 200, after=12) == 80
    assert course.train(0, 12) == 60
    assert not course.over
    assert course.train(0, 200) == 90
    assert course.over
    blind = (0 + 7) / 2
    paid = 1000 * 12 / 200 + 1000
    whole = paid + 2000 * 12 / 200 + 2000
    # The last training was begun anew: three were begun, two ended.
    assert states(course) == [
        (0, 0, 0, blind), (paid, 1, 1, 7), (whole, 3, 2, 0), (whole, 3, 2, 0)
    ]  # fmt: skip


def test_the_incumbent_is_the_best_by_validation() -> None:
    course = Course(two_cells(), units=9)
    course.train(0, 200)
    course.train(1, 200)
    assert [state[-1] for state in states(course)] == [3.5, 0, 0]


def test_a_score_is_paid_once_a_study() -> None:
    problem, paid = two_cells(), []
    scorer = MeteredScorer(problem, paid.append)
    space = problem.space
    cells = [space.decode(text) for text in problem.table.architectures]
    for pool in ([cells[0], cells[0]], cells):
        scorer.score(pool, space=space)
    assert sum(paid) == 0.75
    assert scorer.scored == 0


@pytest.mark.parametrize("early", [False, True])
def test_a_study_of_two_trials_by_hand(early: bool) -> None:
    course = Course(two_cells(), units=100, most=2)

    def make(problem: Problem, scorer: MeteredScorer, seed: int) -> optuna.Study:
        pruner = optuna.pruners.SuccessiveHalvingPruner(1, 4, 0)
        study = optuna.create_study(direction="maximize", pruner=pruner)
        for name in (GOOD, BAD, GOOD):
            study.enqueue_trial(chosen(name))
        return study

    search(course.problem, course, MeteredScorer(course.problem, course.pay), 0, make, early)
    end = course.ended()[-1]
    if early:
        # The bad one is pruned after 12 epochs, the other one trained twice.
        assert (end.trainings, end.whole) == (3, 2)
        assert end.seconds == 2 * (120 + 2000) + 60
    else:
        assert (end.seconds, end.trainings, end.whole) == (3000, 2, 2)


def test_a_cell_that_is_not_recorded_gives_way_to_the_nearest() -> None:
    space = NasBench101()
    near = Cell(("conv3x3", "conv1x1"), ((0, 1), (1, 2), (2, 3)))
    far = Cell((), ((0, 1),))
    recorded = Recorded(space, [space.encode(cell) for cell in (far, near)], cell_code)
    assert recorded.nearest(Cell(("conv3x3", "conv3x3"), ((0, 1), (1, 2), (2, 3)))) == near
    assert recorded.nearest(far) == far
    rng = np.random.default_rng(0)
    assert {recorded.mutate(near, rng) for _ in range(5)} == {far}
    assert {recorded.sample(rng) for _ in range(20)} == {far, near}


def test_a_shorter_network_is_nearer_to_one_of_its_beginning() -> None:
    space = TransNasBench101Macro()
    recorded = Recorded(space, ["41111", "11114"], macro_code)
    assert recorded.nearest(space.decode("4111")) == space.decode("41111")


def test_every_base_of_a_comparison_is_a_method() -> None:
    assert {method.base for method in METHODS.values()} <= METHODS.keys()


def test_a_run_goes_on_and_takes_the_same_course(
    tmp_path: Path, shared_file: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(shared_file("nb201_main.parquet").parent)
    command = [
        "benchmarks.search", "--data", folder, "--problems", "nasbench201-cifar10", "--methods",
        "random", "tpe+hyperband+all", "picks", "evolution", "filter_then_train+halving:complexity",
        "filter_then_train:best_training_free, committee", "--units", "6",
    ]  # fmt: skip
    lines(*command, "--seeds", "1", "--out", str(tmp_path / "parts"), run=apart)
    # A process that has imported all this is better not forked.
    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", ThreadPoolExecutor)
    first = rows(tmp_path / "parts")
    lines(*command, "--seeds", "2", "--out", str(tmp_path / "parts"))
    printed = lines(*command, "--seeds", "2", "--out", str(tmp_path / "whole"))
    assert rows(tmp_path / "parts")[: len(first)] == first
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")
    assert {row["method"] for row in first} == {
        "random", "tpe+hyperband+all", "picks", "evolution", "filter_then_train+halving:complexity",
        "filter_then_train:best_training_free, committee",
    }  # fmt: skip
    assert any(line.split()[1:4] == ["picks", "units", "5"] for line in printed)
    for name in ("summary.csv", "seconds_to_reach.csv", "ends.csv"):
        assert (tmp_path / "parts" / name).read_text() == (tmp_path / "whole" / name).read_text()


def test_seconds_to_reach_and_gains_by_hand() -> None:
    """The mean of two seeds falls to 1 at 30 seconds without scores and at 10 with them."""
    curves = {
        "tpe": {seed: course_of("tpe", seed, [0, 10, 30], [4, 2, seed * 2]) for seed in (0, 1)},
        "tpe+all": {
            seed: course_of("tpe+all", seed, [0, 10, 30], [4, (1 + seed) / 2, 0]) for seed in (0, 1)
        },
    }
    facts = {
        "mean_seconds": 10.0, "metric": "percent", "blind_regret": 4.0, "runs": [{"units": 3}]
    }  # fmt: skip
    reached = {(row["target"], row["method"]): row for row in summary.reach("t", curves, facts)}
    assert reached["1", "tpe"]["seconds"] == "30"
    assert reached["1", "tpe+all"]["times_faster_than_best_trained"] == "3"
    assert reached["0.1", "tpe"]["seconds"] == ""
    easy = {**facts, "blind_regret": 0.4}
    assert {row["target"] for row in summary.reach("t", curves, easy)} == {"0.1"}
    rows = {
        (row["method"], row["budget"], row["count"]): row
        for row in summary.summary("t", curves, curves, facts)
    }
    assert rows["tpe", "units", 1]["regret"] == "2"
    assert rows["tpe+all", "units", 1]["gain"] == "1.25"
    # A search that ended after three units tells nothing of five.
    assert ("tpe", "units", 5) not in rows
    assert rows["tpe+all", "area", 3]["regret"] == "0.75"


def course_of(method: str, seed: int, seconds: list[float], regret: list[float]) -> Curve:
    counts = np.arange(len(seconds), dtype=float)
    return Curve("t", method, seed, np.array(seconds, float), counts, np.array(regret, float))


def test_the_picture_of_the_kept_results(tmp_path: Path) -> None:
    for file in Kept.default().glob("nasbench201-*"):
        shutil.copy(file, tmp_path)
    lines("benchmarks.search.plot", "--results", str(tmp_path))
    assert (tmp_path / "nasbench201.png").read_bytes().startswith(b"\x89PNG")


def test_each_kept_method_has_all_seeds() -> None:
    for problem in names():
        seeds: dict[str, set[int]] = {}
        for study in Kept(Kept.default(), problem).done():
            seeds.setdefault(study.method, set()).add(study.seed)
        assert all(found >= set(range(30)) for found in seeds.values()), problem
        assert seeds.keys() <= METHODS.keys()


def rows(folder: Path) -> list[dict[str, str]]:
    with gzip.open(folder / "nasbench201-cifar10.csv.gz", "rt", newline="") as file:
        return list(csv.DictReader(file))
