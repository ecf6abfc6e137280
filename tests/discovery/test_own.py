"""The shipped proxy is the one that the committed benchmark has found."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from tests.discovery.test_bank import POOL, SPACE
from zc_plugins.discovery.own import COURSE, EXPRESSION, REDUCE
from zc_plugins.recipes import evolved

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def test_it_is_the_committed_one() -> None:
    with (RESULTS / "evolve_proxies.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["course"] == COURSE]
    best = max(rows, key=lambda row: float(row["choosing_tau"]))
    assert (best["expression"], best["reduce"]) == (str(EXPRESSION), REDUCE)


def test_recipe() -> None:
    scorer = evolved((3, 8, 8), seed=3, device="cpu")
    assert [proxy.name for proxy in scorer.proxies] == ["evolved"]
    assert (scorer.seed, scorer.excitation.batch_size) == (3, 8)
    table = scorer.score(POOL, space=SPACE, workers=1)
    scores = table.column("evolved")
    assert np.isfinite(scores).all()
    # Six convolutions of 3 x 3 over one of each kind.
    assert scores[0] > scores[2]
    assert evolved((3, 8, 8), batch_size=4).excitation.batch_size == 4
