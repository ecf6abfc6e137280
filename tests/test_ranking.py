"""Ranks and rank correlations against scipy, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from zc_plugins.errors import InvalidArgument
from zc_plugins.ranking import bootstrap, kendall_tau, ranks, spearman_rho

numbers = st.lists(
    st.one_of(st.integers(-4, 4).map(float), st.floats(allow_nan=False)), min_size=1, max_size=20
)


@settings(max_examples=60, deadline=None)
@given(values=numbers)
def test_ranks_are_scipys_by_the_number_of_candidates(values: list[float]) -> None:
    np.testing.assert_array_equal(ranks(np.array(values)), stats.rankdata(values) / len(values))


@settings(max_examples=60, deadline=None)
@given(values=numbers, among=numbers)
def test_rank_among_a_population_is_the_rank_as_one_more_member(
    values: list[float], among: list[float]
) -> None:
    alone = [stats.rankdata([*among, v])[-1] / (len(among) + 1) for v in values]
    np.testing.assert_allclose(ranks(np.array(values), np.array(among)), alone)


def test_nan() -> None:
    values = np.array([2.0, np.nan, -np.inf, 1.0])
    np.testing.assert_array_equal(ranks(values), [1, np.nan, 1.5 / 4, 3 / 4])
    among = np.array([0.0, np.nan, 3.0])
    np.testing.assert_array_equal(ranks(np.array([1.0, np.nan]), among), [3 / 4, np.nan])
    assert ranks(np.empty(0)).shape == (0,)


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.integers(-20, 20).map(float), min_size=2, max_size=15))
def test_ranks_ignore_monotone_maps(values: list[float]) -> None:
    given_, mapped = np.array(values), np.exp(np.array(values) / 7) + 3
    np.testing.assert_array_equal(ranks(given_), ranks(mapped))


@pytest.mark.parametrize(
    ("ours", "scipys"), [(kendall_tau, stats.kendalltau), (spearman_rho, stats.spearmanr)]
)
def test_correlations(ours: object, scipys: object) -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        scores, accuracy = rng.integers(0, 9, 30).astype(float), rng.normal(size=30)
        wanted = scipys(scores, accuracy).statistic  # type: ignore[operator]
        assert ours(scores, accuracy) == pytest.approx(wanted)  # type: ignore[operator]
    perfect = np.arange(5.0)
    assert ours(perfect, perfect) == pytest.approx(1)  # type: ignore[operator]
    assert ours(-perfect, perfect) == pytest.approx(-1)  # type: ignore[operator]
    # NaN and minus infinity rank last.
    for last in (np.nan, -np.inf):
        assert ours(np.array([last, 1.0, 2.0]), np.arange(3.0)) == pytest.approx(1)  # type: ignore[operator]


@pytest.mark.parametrize("correlation", [kendall_tau, spearman_rho])
def test_without_variation_a_correlation_is_undefined(correlation: object) -> None:
    assert np.isnan(correlation(np.ones(4), np.arange(4.0)))  # type: ignore[operator]
    assert np.isnan(correlation(np.arange(4.0), np.ones(4)))  # type: ignore[operator]
    assert np.isnan(correlation(np.full(4, np.nan), np.arange(4.0)))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("scores", "accuracy"), [([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([[1.0, 2.0]], [[1.0, 2.0]])]
)
def test_what_does_not_pair(scores: list[float], accuracy: list[float]) -> None:
    for correlation in (kendall_tau, spearman_rho):
        with pytest.raises((InvalidArgument, TypeError)):
            correlation(np.array(scores), np.array(accuracy))


def test_interval_covers_the_truth() -> None:
    """Kendall's tau of two normals with correlation r is 2 / pi * asin(r)."""
    rng = np.random.default_rng(0)
    truth = 2 / np.pi * np.arcsin(0.6)
    covered = 0
    for seed in range(30):
        x = rng.normal(size=60)
        y = 0.6 * x + 0.8 * rng.normal(size=60)
        interval = bootstrap(kendall_tau, x, y, confidence=0.9, resamples=100, seed=seed)
        assert interval.low <= interval.value <= interval.high
        covered += interval.low <= truth <= interval.high
    assert 22 <= covered <= 30


def test_interval_narrows_with_confidence_and_repeats_with_its_seed() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=30), rng.normal(size=30)
    wide = bootstrap(spearman_rho, x, y, confidence=0.95, resamples=200, seed=3)
    narrow = bootstrap(spearman_rho, x, y, confidence=0.5, resamples=200, seed=3)
    assert wide.low < narrow.low < narrow.high < wide.high
    assert bootstrap(spearman_rho, x, y, confidence=0.95, resamples=200, seed=3) == wide
    with pytest.raises(InvalidArgument, match="confidence"):
        bootstrap(spearman_rho, x, y, confidence=1)


def test_intervals_of_few_or_equal_candidates() -> None:
    # Resamples of two candidates are often one candidate twice, which has no correlation.
    two = bootstrap(spearman_rho, np.array([1.0, 2.0]), np.array([1.0, 2.0]), resamples=50)
    assert (two.value, two.low, two.high) == pytest.approx((1, 1, 1))
    same = bootstrap(kendall_tau, np.ones(3), np.arange(3.0), resamples=10)
    assert np.isnan([same.value, same.low, same.high]).all()
