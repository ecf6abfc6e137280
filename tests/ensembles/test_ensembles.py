"""Every ensemble on the shelf keeps the suite; their numbers by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zc_plugins.ensembles import SHELF
from zc_plugins.ensembles.az_rank import az_rank
from zc_plugins.ensembles.borda import borda
from zc_plugins.ensembles.readable_rank import readable_rank
from zc_plugins.ensembles.vote import vote
from zc_plugins.errors import EmptyTable, ReferenceMismatch, UnknownName
from zc_plugins.scores import ScoreTable
from zc_plugins.testing import check_ensemble

inf, nan = np.inf, np.nan


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", list(SHELF))
def test_conformance(name: str, seed: int) -> None:
    check_ensemble(SHELF[name], seed=seed)


def test_az_rank_of_the_reference() -> None:
    values = np.array(
        [
            [1, 3, 3, -inf, 5],
            [0.1, 0.2, -inf, -inf, 0.3],
            [-1, -0.5, -0.2, -inf, -0.1],
            [10, 20, 30, 5, 40],
        ]
    ).T
    wanted = [-3.2597, -1.6015, -2.0069, -6.0323, 0.0]
    np.testing.assert_allclose(az_rank(ScoreTable(list("abcde"), values)), wanted, atol=5e-5)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("az_rank", [2 * np.log(2 / 4), -inf, np.log(3 / 4), np.log(3 / 4)]),
        ("borda", [2 / 4, -inf, 3.5 / 4, 3.5 / 4]),
        ("vote", [1 / 3, -inf, 2.5 / 3, 2.5 / 3]),
    ],
)
def test_by_hand(name: str, wanted: list[float]) -> None:
    # The unscored candidate is best under the other proxy, and yet takes the lowest rank.
    table = ScoreTable(list("abcd"), [[1, 1], [9, nan], [2, 3], [3, 2]])
    numbers = SHELF[name](table)
    np.testing.assert_allclose(numbers, wanted)


@pytest.mark.parametrize("name", list(SHELF))
def test_one_candidate(name: str) -> None:
    numbers = SHELF[name](ScoreTable(["a"], [[3.0]]))
    assert numbers.shape == (1,)
    assert np.isfinite(numbers).all()


@pytest.mark.parametrize("name", list(SHELF))
def test_lower_is_better_turns_a_column(name: str) -> None:
    values = np.random.default_rng(0).normal(size=(6, 2))
    turned = values * [1, -1]
    plain = SHELF[name](ScoreTable(list("abcdef"), values))
    mirrored = SHELF[name](
        ScoreTable(list("abcdef"), turned, ["x", "y"], higher_is_better=[True, False])
    )
    np.testing.assert_array_equal(plain, mirrored)


@pytest.mark.parametrize("name", list(SHELF))
def test_errors(name: str) -> None:
    with pytest.raises(EmptyTable, match="0 candidates"):
        SHELF[name](ScoreTable([], []))
    with pytest.raises(EmptyTable, match="0 proxies"):
        SHELF[name](ScoreTable(["a"], np.empty((1, 0))))
    with pytest.raises(ReferenceMismatch, match="the reference holds"):
        SHELF[name](ScoreTable(["a"], [[1]], ["x"]), ScoreTable(["a"], [[1]], ["y"]))


def test_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'az_rank'"):
        SHELF["azrank"]


def test_az_rank_prefers_balance_and_borda_does_not() -> None:
    # Ranks 1 and 5 against 3 and 3.
    table = ScoreTable(list("abcde"), [[1, 5], [3, 3], [2, 2], [4, 4], [5, 1]])
    assert az_rank(table)[1] > az_rank(table)[0]
    assert borda(table)[1] == borda(table)[0]


def test_vote_ignores_how_far_off_one_proxy_is() -> None:
    # The first loses by much under one of three proxies, and wins the vote.
    table = ScoreTable(list("abcd"), [[9, 9, 0], [8, 8, 9], [7, 7, 8], [6, 6, 7]])
    assert vote(table).argmax() == 0
    assert borda(table).argmax() == 1


tables = st.integers(1, 8).flatmap(
    lambda rows: st.lists(
        st.lists(
            st.one_of(st.integers(-3, 3).map(float), st.just(nan), st.just(-inf)),
            min_size=3,
            max_size=3,
        ),
        min_size=rows,
        max_size=rows,
    )
)


@settings(max_examples=60, deadline=None)
@given(values=tables)
def test_whatever_the_table(values: list[list[float]]) -> None:
    dead = [bool(np.isnan(row).any()) for row in values]
    table = ScoreTable([str(i) for i in range(len(values))], values, degenerate=dead)
    for name in SHELF:
        for reference in (None, table):
            numbers = SHELF[name](table, reference)
            assert not np.isnan(numbers).any()
            scored = numbers[table.scored]
            assert (numbers[~table.scored] == -inf).all()
            assert np.isfinite(scored).all()
            rows = table.oriented[table.scored]
            for row, number in zip(rows, scored, strict=True):
                assert (scored[(row >= rows).all(axis=1)] <= number + 1e-12).all()


def _unread(count: int, *, degenerate: bool) -> ScoreTable:
    """Twenty candidates; the second proxy has no number for the last ones."""
    values = np.random.default_rng(3).normal(size=(20, 3))
    values[20 - count :, 1] = nan
    dead = [degenerate and place >= 20 - count for place in range(20)]
    return ScoreTable([str(i) for i in range(20)], values, "abc", degenerate=dead)


def test_a_proxy_that_cannot_read_the_population_takes_no_part() -> None:
    table = _unread(8, degenerate=False)
    with pytest.warns(UserWarning, match="^b cannot read many of these networks"):
        numbers = readable_rank(table)
    np.testing.assert_array_equal(numbers, az_rank(table.only("ac")))
    assert np.isfinite(numbers).all()


@pytest.mark.parametrize(("count", "degenerate"), [(1, False), (8, True)])
def test_few_unread_or_degenerate_candidates_rank_last(count: int, degenerate: bool) -> None:
    table = _unread(count, degenerate=degenerate)
    numbers = readable_rank(table)
    np.testing.assert_array_equal(numbers, az_rank(table))
    assert (numbers[-count:] == -inf).all()


def test_the_reference_decides_which_proxies_take_part() -> None:
    whole, table = _unread(0, degenerate=False), _unread(8, degenerate=False)
    np.testing.assert_array_equal(readable_rank(table, whole), az_rank(table, whole))
    with pytest.warns(UserWarning, match="^b cannot read"):
        numbers = readable_rank(whole, table)
    np.testing.assert_array_equal(numbers, az_rank(whole.only("ac"), table.only("ac")))


@pytest.mark.parametrize("columns", [2, 4, 5])
def test_half_of_the_proxies_may_be_unread(columns: int) -> None:
    values = np.random.default_rng(1).normal(size=(20, columns))
    values[5:, : columns // 2] = nan
    table = ScoreTable([str(i) for i in range(20)], values)
    with pytest.warns(UserWarning, match="cannot read"):
        numbers = readable_rank(table)
    assert np.isfinite(numbers).all()


def test_candidates_that_fail_altogether_take_no_proxy_away() -> None:
    values = np.random.default_rng(1).normal(size=(20, 4))
    values[12:, 1:] = nan
    numbers = readable_rank(ScoreTable([str(i) for i in range(20)], values))
    assert (numbers[12:] == -inf).all()
    assert np.isfinite(numbers[:12]).all()


def test_few_gaps_in_a_small_pool_take_no_proxy_away() -> None:
    values = np.random.default_rng(1).normal(size=(8, 4))
    values[:2, 1] = nan
    numbers = readable_rank(ScoreTable([str(i) for i in range(8)], values))
    assert (numbers[:2] == -inf).all()


@pytest.mark.parametrize("proxies", ["ab", "abd", "cba"])
def test_a_reference_with_gaps_of_other_proxies(proxies: str) -> None:
    gaps = _unread(8, degenerate=False)
    table = ScoreTable(["x"], np.ones((1, len(proxies))), proxies)
    with pytest.raises(ReferenceMismatch, match="the reference holds"):
        readable_rank(table, gaps)
