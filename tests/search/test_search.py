"""A search keeps its budget, finds better than it began with, and survives a kill."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from tests.search.chains import Chain, Chains
from zc_plugins import Budget, Excitation, Scorer
from zc_plugins.ensembles.az_rank import az_rank
from zc_plugins.errors import InvalidArgument, NothingScored
from zc_plugins.search import (
    AzEvolution,
    FrontEvolution,
    RandomSearch,
    SearchResult,
    ZenEvolution,
    search,
)

SHAPE = (4,)
SPACE = Chains()
BUDGET = Budget(SHAPE, flops=100, params=120)
EVOLUTIONS = [
    ZenEvolution(population=12, founders=4),
    AzEvolution(parents=12, founders=4),
    FrontEvolution("flops", population=12, founders=4),
    RandomSearch(population=12),
]


def size() -> Scorer:
    """Cheap; both grow with the network, not alike."""
    return Scorer(["params", "l2_norm"], Excitation(SHAPE))


def course(result: SearchResult) -> list[tuple[Any, ...]]:
    return [(i.step, i.text, i.scores, dict(i.costs)) for i in result.history]


@pytest.mark.parametrize("by", EVOLUTIONS, ids=lambda by: type(by).__name__)
def test_keeps_the_budget_and_scores_each_once(by: Any) -> None:
    result = search(SPACE, size(), BUDGET, by=by, candidates=60)
    assert len(result.history) == 60
    assert all(i.costs["flops"] <= 100 and i.costs["params"] <= 120 for i in result.history)
    keys = [SPACE.canonical(i.architecture) for i in result.history]
    assert len(set(keys)) == 60
    assert result.proposals >= 60
    assert 0 < result.acceptance_rate <= 1
    assert BUDGET.admits(result.build())


@pytest.mark.parametrize("by", EVOLUTIONS, ids=lambda by: type(by).__name__)
def test_same_seed_same_course_other_seed_another(by: Any) -> None:
    first, again = (search(SPACE, size(), BUDGET, by=by, candidates=40, seed=3) for _ in range(2))
    assert course(first) == course(again)
    assert first.architecture == again.architecture
    assert course(search(SPACE, size(), BUDGET, by=by, candidates=40, seed=4)) != course(first)


def test_zen_evolution_beats_random_search_at_the_same_number_of_scores() -> None:
    scorer = Scorer(["l2_norm"], Excitation(SHAPE))
    gained = []
    for seed in range(5):
        evolved, drawn = (
            search(SPACE, scorer, BUDGET, by=by, candidates=80, seed=seed).winner.scores[0]
            for by in (ZenEvolution(population=8, founders=4, mutations=1), RandomSearch())
        )
        gained.append(evolved - drawn)
    assert np.mean(gained) > 0


def test_zen_evolution_keeps_the_best_that_were_scored() -> None:
    scorer = Scorer(["l2_norm"], Excitation(SHAPE))
    result = search(SPACE, scorer, by=ZenEvolution(population=5, founders=3), candidates=50)
    scores = sorted((i.scores[0] for i in result.history), reverse=True)
    assert [i.scores[0] for i in result.best] == scores[:5]


def test_az_evolution_ends_with_the_best_of_its_whole_history() -> None:
    result = search(SPACE, size(), by=AzEvolution(parents=7, founders=3), candidates=60)
    numbers = az_rank(result.table)
    best = np.argsort(-numbers, kind="stable")[:7]
    assert [i.text for i in result.best] == [result.history[place].text for place in best]


def test_front_is_what_none_of_the_history_beats() -> None:
    scorer = Scorer(["l2_norm"], Excitation(SHAPE))
    result = search(SPACE, scorer, BUDGET, by=FrontEvolution("flops"), candidates=60)
    points = [(i.scores[0], i.costs["flops"]) for i in result.history]
    unbeaten = {
        i.text
        for i in result.history
        if not any(
            s >= i.scores[0] and c <= i.costs["flops"] and (s, c) != (i.scores[0], i.costs["flops"])
            for s, c in points
        )
    }
    assert {i.text for i in result.best} == unbeaten
    assert [i.costs["flops"] for i in result.best] == sorted(i.costs["flops"] for i in result.best)


def test_front_of_few_members_keeps_both_ends() -> None:
    scorer = Scorer(["l2_norm"], Excitation(SHAPE))
    by = FrontEvolution("flops", population=6, founders=3)
    result = search(SPACE, scorer, BUDGET, by=by, candidates=80)
    assert len(result.best) <= 6
    assert result.best[0].costs["flops"] == min(i.costs["flops"] for i in result.history)
    assert result.best[-1].scores[0] == max(i.scores[0] for i in result.history)


@pytest.mark.parametrize("ends", [1, 17, 39])
@pytest.mark.parametrize("batch", [1, 4])
def test_a_search_in_two_runs_is_a_search_in_one(tmp_path: Path, ends: int, batch: int) -> None:
    by = ZenEvolution(population=8, founders=4)
    whole = search(SPACE, size(), BUDGET, by=by, candidates=40, batch=batch)
    path = tmp_path / "search.jsonl"
    search(SPACE, size(), BUDGET, by=by, candidates=ends, batch=batch, journal=path)
    scorer = size()
    resumed = search(SPACE, scorer, BUDGET, by=by, candidates=40, batch=batch, journal=path)
    assert course(resumed) == course(whole)
    assert [i.text for i in resumed.best] == [i.text for i in whole.best]
    assert resumed.proposals == whole.proposals
    assert scorer.scored < 40, "what the journal holds is not scored again"


def test_a_batch_that_patience_ended_is_not_proposed_for_again(tmp_path: Path) -> None:
    """What was rejected behind its last member counts as proposed, in the second run too."""
    by, scorer = ZenEvolution(population=8, founders=4, start=(1, 1, 1, 1)), size()

    def run(candidates: int, journal: Path | None) -> SearchResult:
        return search(
            SPACE, scorer, Budget(SHAPE, flops=26), by=by, candidates=candidates, patience=40,
            batch=8, journal=journal,
        )  # fmt: skip

    whole = run(500, None)
    assert len(whole.history) % 8
    for ends in range(15, len(whole.history), 10):
        path = tmp_path / f"{ends}.jsonl"
        run(ends, path)
        resumed = run(500, path)
        assert course(resumed) == course(whole), ends
        assert resumed.proposals == whole.proposals


def test_a_torn_line_is_scored_anew(tmp_path: Path) -> None:
    by, path = AzEvolution(parents=8, founders=4), tmp_path / "search.jsonl"
    whole = search(SPACE, size(), BUDGET, by=by, candidates=20, journal=path)
    content = path.read_bytes()
    for cut in (len(content) - 1, len(content) - 30, content.index(b"\n") + 5, 20, 0):
        path.write_bytes(content[:cut])
        resumed = search(SPACE, size(), BUDGET, by=by, candidates=20, journal=path)
        assert course(resumed) == course(whole)


_KILLED = """
import sys, time
from tests.search.test_search import BUDGET, SPACE, Scorer, Excitation, SHAPE, ZenEvolution, search
from zc_plugins.search import search
class Slow(Scorer):
    def score(self, *args, **kwargs):
        time.sleep(0.03)
        return super().score(*args, **kwargs)
result = search(
    SPACE, Slow(["params", "l2_norm"], Excitation(SHAPE)), BUDGET,
    by=ZenEvolution(population=8, founders=4), candidates=60, journal=sys.argv[1],
)
print([(i.step, i.text, i.scores) for i in result.history])
"""


def test_killed_in_a_loop_it_ends_where_it_would_have(tmp_path: Path) -> None:
    path, rng = tmp_path / "search.jsonl", np.random.default_rng(0)
    command = [sys.executable, "-c", _KILLED]

    def run(journal: Path) -> subprocess.Popen[str]:
        return subprocess.Popen([*command, str(journal)], stdout=subprocess.PIPE, text=True)

    for _ in range(3):
        process = run(path)
        before = path.stat().st_size if path.exists() else 0
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if path.exists() and path.stat().st_size > before:
                break
            time.sleep(0.005)
        time.sleep(float(rng.uniform(0, 0.2)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    resumed, _ = run(path).communicate(timeout=120)
    whole, _ = run(tmp_path / "other.jsonl").communicate(timeout=120)
    assert resumed == whole != ""


def test_another_search_is_not_continued(tmp_path: Path) -> None:
    path = tmp_path / "search.jsonl"
    search(SPACE, size(), BUDGET, candidates=3, journal=path)
    kept = path.read_bytes()
    for change in (
        {"seed": 1},
        {"by": ZenEvolution(population=3)},
        {"budget": Budget(SHAPE, flops=1e9)},
        {"space": Chains(2)},
    ):
        arguments = {"space": SPACE, "budget": BUDGET, "seed": 0, **change}
        with pytest.raises(InvalidArgument, match=f"{next(iter(change))}.*pass the same"):
            search(scorer=size(), candidates=3, journal=path, **arguments)  # type: ignore[arg-type]
    assert path.read_bytes() == kept


def test_another_ensemble_is_another_search(tmp_path: Path) -> None:
    """It decides who survives."""
    path, by = tmp_path / "search.jsonl", ZenEvolution()
    scorers = [
        Scorer(["params", "l2_norm"], Excitation(SHAPE), ensemble=e) for e in ("borda", "vote")
    ]
    search(SPACE, scorers[0], by=by, candidates=3, journal=path)
    with pytest.raises(InvalidArgument, match=r"ensemble=.*borda.*ensemble=.*vote"):
        search(SPACE, scorers[1], by=by, candidates=6, journal=path)


def test_a_foreign_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "thesis.txt"
    for text in ("dear reader\n", "dear reader", '{"a": 1}\n', "[1]\n"):
        path.write_text(text)
        with pytest.raises(InvalidArgument, match="no journal of a search"):
            search(SPACE, size(), candidates=3, journal=path)
        assert path.read_text() == text


def test_a_journal_that_is_in_use(tmp_path: Path) -> None:
    path = tmp_path / "search.jsonl"

    def stop() -> bool:
        with pytest.raises(InvalidArgument, match="no other search holds"):
            search(SPACE, size(), candidates=3, journal=path)
        return True

    with pytest.raises(NothingScored):
        search(SPACE, size(), candidates=3, journal=path, stop=stop)
    with pytest.raises(InvalidArgument, match="cannot be used"):
        search(SPACE, size(), candidates=3, journal=tmp_path / "missing" / "search.jsonl")


def test_what_follows_a_damaged_line_is_not_lost(tmp_path: Path) -> None:
    """A kill tears the last line only."""
    path, scorer = tmp_path / "search.jsonl", size()
    search(SPACE, scorer, candidates=9, journal=path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3][:-5] + b"\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(InvalidArgument, match="damaged in line 4"):
        search(SPACE, scorer, candidates=9, journal=path)
    assert path.read_bytes() == b"".join(lines)


def test_nan_scores_survive_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "search.jsonl"
    scorer = Scorer(["jacov"], Excitation(SHAPE, batch_size=4))
    first = search(SPACE, scorer, by=RandomSearch(), candidates=30, journal=path)
    unscored = [i for i in first.history if math.isnan(i.scores[0])]
    assert unscored, "some network of this sample is dead"
    assert all(i.notes["jacov"] for i in unscored)
    again = search(SPACE, scorer, by=RandomSearch(), candidates=30, journal=path)
    assert repr(again.history) == repr(first.history)
    json.loads(path.read_text().splitlines()[-1], parse_constant=pytest.fail)


def test_a_small_space_is_exhausted() -> None:
    result = search(SPACE, size(), Budget(SHAPE, flops=25), candidates=10_000, patience=300)
    assert len(result.history) < 10_000
    assert result.proposals > len(result.history)


def test_a_budget_that_nothing_keeps() -> None:
    with pytest.raises(NothingScored, match=r"none of 50 proposals.*flops \d+ over 1"):
        search(SPACE, size(), Budget(SHAPE, flops=1), candidates=10, patience=50)


def test_a_scorer_that_scores_nothing() -> None:
    with pytest.raises(NothingScored, match="none of 5 candidates could be scored: jacov"):
        search(SPACE, Scorer(["jacov"], Excitation(SHAPE)), candidates=5, scored_in=_Broken())


class _Broken(Chains):
    def build(self, architecture: Chain) -> nn.Module:
        raise RuntimeError("no such layer")


def test_scored_in_another_space() -> None:
    wide = Chains(3)
    scorer = Scorer(["params"], Excitation(SHAPE))
    result = search(SPACE, scorer, BUDGET, scored_in=wide, candidates=5)
    first = result.history[0].architecture
    assert result.history[0].scores[0] == sum(p.numel() for p in wide.build(first).parameters())
    assert result.history[0].costs["params"] < result.history[0].scores[0]


def test_stop_and_seconds_end_it_with_what_it_has() -> None:
    asked = iter([False] * 7 + [True])
    assert len(search(SPACE, size(), candidates=99, stop=lambda: next(asked)).history) == 7
    assert len(search(SPACE, size(), candidates=10**6, seconds=0.5).history) < 10**6


def test_seconds_end_it_among_proposals_that_are_rejected_too() -> None:
    measured = list[nn.Module]()

    def slow(network: nn.Module) -> float:
        measured.append(network)
        time.sleep(0.05)
        return 2.0

    budget = Budget(SHAPE, latency=1.0, measure_latency=slow)
    with pytest.raises(NothingScored, match="latency 2 over 1"):
        search(SPACE, size(), budget, candidates=5, seconds=0.5, patience=1_000)
    assert len(measured) <= 11


def test_workers_do_not_change_the_course() -> None:
    scores = {
        workers: course(search(SPACE, size(), BUDGET, candidates=8, batch=4, workers=workers))
        for workers in (1, 2)
    }
    assert scores[1] == scores[2]


def test_the_default_follows_the_scorer() -> None:
    one = search(SPACE, Scorer(["params"], Excitation(SHAPE)), candidates=2)
    several = search(SPACE, size(), candidates=2)
    assert "ZenEvolution" in one.settings["by"]
    assert "AzEvolution" in several.settings["by"]


@pytest.mark.parametrize(
    "arguments",
    [{"candidates": 0}, {"patience": 0}, {"batch": 0}, {"seconds": 0.0}, {"seed": -1}],
)
def test_numbers_out_of_range(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=next(iter(arguments))):
        search(SPACE, size(), **arguments)
    for evolution in (ZenEvolution, AzEvolution, RandomSearch):
        with pytest.raises(InvalidArgument, match="pass 1 or more"):
            evolution(**{"parents" if evolution is AzEvolution else "population": 0})


def test_evolutions_say_what_they_need() -> None:
    borda = Scorer(["params", "l2_norm"], Excitation(SHAPE), ensemble="borda")
    with pytest.raises(InvalidArgument, match=r"ensemble=borda.*ZenEvolution"):
        search(SPACE, borda, by=AzEvolution(), candidates=2)
    with pytest.raises(InvalidArgument, match=r"cost='latency'.*limit"):
        search(SPACE, size(), BUDGET, by=FrontEvolution("latency"), candidates=2)
