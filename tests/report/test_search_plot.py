"""The picture shows the numbers of the search."""

from __future__ import annotations

import numpy as np

from tests.report import results
from zc_plugins import Excitation, Scorer
from zc_plugins.ensembles.az_rank import az_rank
from zc_plugins.report import search_plot
from zc_plugins.search import RandomSearch, SearchResult, search
from zc_plugins.spaces.nasbench201 import NasBench201


def lines(result: SearchResult) -> dict[str, np.ndarray]:
    """Points of each line, of shape (points, 2), by label."""
    (axes,) = search_plot(result).axes
    return {line.get_label(): np.column_stack(line.get_data()) for line in axes.lines}


def test_all_candidates_and_the_best_so_far() -> None:
    result = results.of_stages()
    drawn = lines(result)
    scores = [member.scores[0] for member in result.history]
    np.testing.assert_array_equal(drawn["candidates"][:, 1], scores)
    np.testing.assert_array_equal(drawn["best so far"][:, 1], np.maximum.accumulate(scores))
    np.testing.assert_array_equal(drawn["best so far"][:, 0], np.arange(1, len(scores) + 1))


def test_several_proxies_are_ranked_among_all() -> None:
    result = results.of_cells()
    numbers = az_rank(result.table)
    np.testing.assert_array_equal(lines(result)["candidates"][:, 1], numbers)
    assert lines(result)["best so far"][-1, 1] == numbers.max()
    assert search_plot(result).axes[0].get_ylabel() == "az_rank of 4 proxies"


def test_candidates_without_a_score_are_left_out() -> None:
    result = results.with_dead_networks()
    scores = np.array([member.scores[0] for member in result.history])
    assert np.isnan(scores).any()
    np.testing.assert_array_equal(lines(result)["candidates"][:, 1], scores[~np.isnan(scores)])


def test_lower_is_better_goes_down() -> None:
    scorer = Scorer(["initial_loss"], Excitation((3, 8, 8), batch_size=4), device="cpu")
    assert not scorer.proxies[0].higher_is_better
    result = search(NasBench201(4, 1), scorer, by=RandomSearch(), candidates=6)
    scores = [member.scores[0] for member in result.history]
    assert result.winner.scores[0] == min(scores)
    drawn = lines(result)
    np.testing.assert_array_equal(drawn["best so far"][:, 1], np.minimum.accumulate(scores))
    assert "lower is better" in search_plot(result).axes[0].get_ylabel()


def test_a_front() -> None:
    result = results.of_a_front()
    drawn = lines(result)
    points = [(member.costs["flops"], member.scores[0]) for member in result.best]
    np.testing.assert_array_equal(drawn["front"], points)
    assert len(drawn["candidates"]) == len(result.history)
    assert "multiply-adds" in search_plot(result).axes[0].get_xlabel()
