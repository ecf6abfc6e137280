"""The incremental ranking gives what ranking everything anew gives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from zc_plugins.ensembles.az_rank import az_rank
from zc_plugins.scores import ScoreTable
from zc_plugins.search._log_ranks import LogRanks


def ranked_anew(values: np.ndarray, count: int) -> list[int]:
    """The rule, word for word: all ranks over the whole history, ties averaged."""
    scored = ~np.isnan(values).any(axis=1)
    ranks = stats.rankdata(np.where(scored[:, None], values, -np.inf), axis=0)
    sums = np.where(scored, np.log(ranks).sum(axis=1), -np.inf)
    order = np.argsort(-sums, kind="stable")[:count]
    return [int(place) for place in order if scored[place]]


def drawn(kind: str, steps: int, rng: np.random.Generator) -> np.ndarray:
    values = rng.standard_normal((steps, 3))
    if kind == "ties":
        values = np.round(values)
    elif kind == "improving":
        values += np.linspace(0, 5, steps)[:, None]
    elif kind == "worsening":
        values -= np.linspace(0, 5, steps)[:, None]
    elif kind == "unscored":
        values[rng.random(steps) < 0.4] = np.nan
    elif kind == "infinite":
        values[rng.random((steps, 3)) < 0.2] = -np.inf
    return values


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "kind", ["plain", "ties", "improving", "worsening", "unscored", "infinite"]
)
@pytest.mark.parametrize("kept", [1, 7, 50])
def test_equals_ranking_anew_at_every_step(kind: str, kept: int, seed: int) -> None:
    values = drawn(kind, 600, np.random.default_rng(seed))
    history = LogRanks(3, kept)
    for step, row in enumerate(values):
        history.add(row)
        assert history.best(kept).tolist() == ranked_anew(values[: step + 1], kept), step


def test_best_is_that_of_az_rank() -> None:
    values = np.random.default_rng(3).standard_normal((500, 4))
    history = LogRanks(4, 10)
    for row in values:
        history.add(row)
    numbers = az_rank(ScoreTable(list(map(str, range(500))), values))
    assert history.best(10).tolist() == np.argsort(-numbers)[:10].tolist()


@pytest.mark.parametrize("proxies", [1, 2, 5, 8])
def test_the_best_by_az_rank_however_sums_are_rounded(proxies: int) -> None:
    """Coarse values: many candidates have ranks of the same product."""
    rng = np.random.default_rng(proxies)
    values = np.round(rng.standard_normal((120, proxies)))
    values[rng.random((120, proxies)) < 0.05] = -np.inf
    values[rng.random(120) < 0.1] = np.nan
    history = LogRanks(proxies, 20)
    for step, row in enumerate(values, 1):
        history.add(row)
        numbers = az_rank(ScoreTable(list(map(str, range(step))), values[:step]))
        best, wanted = history.best(20), np.sort(numbers[np.isfinite(numbers)])[::-1][:20]
        np.testing.assert_allclose(numbers[best], wanted, rtol=0, atol=1e-12)


def test_only_few_are_updated() -> None:
    values = np.random.default_rng(0).standard_normal((20_000, 4))
    history = LogRanks(4, 200)
    for row in values:
        history.add(row)
    # Independent columns, where sums lie closest together.
    assert len(history._places) < 5 * 200


def test_none_is_scored() -> None:
    history = LogRanks(2, 5)
    for _ in range(40):
        history.add(np.array([np.nan, 1.0]))
    assert history.best(5).tolist() == []
