"""The Gaussian process: what it knows, what it follows, and that it is one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zc_plugins._shapes import ndarray
from zc_plugins.errors import InvalidArgument
from zc_plugins.predictors.gaussian_process import (
    LENGTHS,
    NOISES,
    SCORE_WEIGHTS,
    SLOPE,
    SLOPE_VARIANCE,
    gaussian_process,
    normal_scores,
)
from zc_plugins.scores import ScoreTable


def pool(size: int, seed: int = 0) -> tuple[ScoreTable, ndarray]:
    """Candidates of two proxies and five choices, and accuracies that follow both."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(size, 2))
    parameters = [{f"op_{p}": int(rng.integers(3)) for p in range(5)} for _ in range(size)]
    liked = np.array([sum(p[f"op_{k}"] == 2 for k in range(5)) for p in parameters])
    accuracy = 90 + values.sum(axis=1) + liked + rng.normal(scale=0.2, size=size)
    texts = [{key: f"op {choice}" for key, choice in p.items()} for p in parameters]
    return ScoreTable(list(map(str, range(size))), values, parameters=texts), accuracy


def correlation(one: ndarray, other: ndarray) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def test_learns_both_from_scores_and_from_likeness() -> None:
    table, accuracy = pool(260)
    few, rest = range(60), range(60, 260)
    predicted = gaussian_process(population=table).fit(table.rows(few), accuracy[:60])
    found = correlation(predicted.predict(table.rows(rest)).mean, accuracy[60:])
    blind = ScoreTable(table.candidates, table.values)
    without = gaussian_process(population=blind).fit(blind.rows(few), accuracy[:60])
    by_scores = correlation(without.predict(blind.rows(rest)).mean, accuracy[60:])
    assert found > 0.9
    assert found > by_scores + 0.1


def test_knows_what_was_trained_better_than_what_was_not() -> None:
    table, accuracy = pool(100)
    fitted = gaussian_process(population=table).fit(table.rows(range(40)), accuracy[:40])
    mean, std = fitted.predict(table)
    assert std[:40].mean() < std[40:].mean() / 1.5
    assert np.abs(mean - accuracy)[:40].mean() < np.abs(mean - accuracy)[40:].mean() / 2


def test_intervals_hold_what_they_say() -> None:
    inside = []
    for seed in range(10):
        table, accuracy = pool(200, seed)
        fitted = gaussian_process(population=table).fit(table.rows(range(40)), accuracy[:40])
        mean, std = fitted.predict(table.rows(range(40, 200)))
        inside.append(np.abs(mean - accuracy[40:]) < 1.645 * std)
    assert np.mean(inside) > 0.85
    assert std.mean() < accuracy.std()


def test_scores_are_believed_until_trainings_speak_against_them() -> None:
    table, accuracy = pool(120)
    wrong = ScoreTable(table.candidates, -table.values, parameters=table.parameters)
    slopes = []
    for trained in (2, 60):
        fitted = gaussian_process(population=wrong).fit(
            wrong.rows(range(trained)), accuracy[:trained]
        )
        predicted = fitted.predict(wrong.rows(range(60, 120))).mean
        slopes.append(correlation(predicted, wrong.values[60:].sum(axis=1)))
    assert slopes[0] > 0.5
    assert slopes[1] < -0.5


def test_follows_an_early_value_in_place_of_the_scores() -> None:
    table, accuracy = pool(200)
    early_values = accuracy / 2 + np.random.default_rng(1).normal(scale=0.1, size=200)
    early = gaussian_process(population=table).fit(table.rows(range(60)), early_values[:60])
    plain = gaussian_process(population=table).fit(table.rows(range(3)), accuracy[:3])
    both = gaussian_process(population=table, early=early).fit(table.rows(range(3)), accuracy[:3])
    rest = table.rows(range(60, 200))
    told = correlation(both.predict(rest).mean, accuracy[60:])
    assert told > correlation(plain.predict(rest).mean, accuracy[60:]) + 0.1


def test_is_the_textbooks_process() -> None:
    table, accuracy = pool(30)
    few, rest = table.rows(range(12)), table.rows(range(12, 30))
    mean, std = gaussian_process("borda", population=table).fit(few, accuracy[:12]).predict(rest)

    scores = np.stack([normal_scores(c, c) for c in table.values.T], axis=1)
    trend = _trend(table)
    apart = np.array(
        [[sum(a[k] != b[k] for k in a) for b in table.parameters] for a in table.parameters]
    )
    squares = ((scores[:, None] - scores[None]) ** 2).mean(axis=2)
    slopes = np.outer(trend, trend) + scores @ scores.T / 2
    low = np.median(accuracy[:12]) - 2 * (accuracy[:12].max() - np.median(accuracy[:12]))
    assert accuracy[:12].min() > low
    standard = (accuracy[:12] - accuracy[:12].mean()) / accuracy[:12].std()
    residual = standard - SLOPE * (trend[:12] - trend[:12].mean())
    best: tuple[float, Any] = (-np.inf, None)
    for length in LENGTHS:
        for weight in SCORE_WEIGHTS:
            for noise in NOISES:
                kernel = (
                    np.exp(-apart / length)
                    + weight * np.exp(-squares / 2)
                    + SLOPE_VARIANCE * slopes
                )
                known = kernel[:12, :12] + noise * np.eye(12)
                inverse = np.linalg.inv(known)
                evidence = -residual @ inverse @ residual / 2 - np.linalg.slogdet(known)[1] / 2
                best = max(best, (evidence, (kernel, inverse)), key=lambda pair: pair[0])
    kernel, inverse = best[1]
    wanted = kernel[12:, :12] @ inverse @ residual + SLOPE * (trend[12:] - trend[:12].mean())
    variance = np.diag(kernel[12:, 12:] - kernel[12:, :12] @ inverse @ kernel[:12, 12:])
    scale = accuracy[:12].std()
    np.testing.assert_allclose(mean, accuracy[:12].mean() + scale * wanted)
    np.testing.assert_allclose(std, scale * np.sqrt(variance))


def _trend(table: ScoreTable) -> ndarray:
    from zc_plugins.ensembles.borda import borda

    return normal_scores(borda(table, table), borda(table, table))


def test_each_row_is_judged_alone_and_the_unit_does_not_matter() -> None:
    table, accuracy = pool(40)
    fitted = gaussian_process().fit(table.rows(range(20)), accuracy[:20])
    mean, std = fitted.predict(table)
    alone = fitted.predict(table.rows([33]))
    np.testing.assert_allclose([alone.mean[0], alone.std[0]], [mean[33], std[33]])
    other = gaussian_process().fit(table.rows(range(20)), accuracy[:20] / 100 - 7)
    np.testing.assert_allclose(other.predict(table).mean, mean / 100 - 7)
    np.testing.assert_allclose(other.predict(table).std, std / 100)


def test_says_nothing_of_the_dead_and_something_of_the_unread() -> None:
    table, accuracy = pool(30)
    values = np.array(table.values)
    values[28:] = np.nan
    broken = ScoreTable(
        table.candidates, values, degenerate=[*[False] * 29, True], parameters=table.parameters
    )
    fitted = gaussian_process(population=broken).fit(broken.rows(range(20)), accuracy[:20])
    mean, std = fitted.predict(broken)
    assert np.isfinite(mean[:29]).all()
    assert mean[29] == -np.inf
    assert std[29] == 0


def test_one_failure_does_not_drown_the_others() -> None:
    table, accuracy = pool(60)
    failed = accuracy.copy()
    failed[0] = 10.0
    fitted = gaussian_process(population=table).fit(table.rows(range(40)), failed[:40])
    assert correlation(fitted.predict(table.rows(range(40, 60))).mean, accuracy[40:]) > 0.8


def test_equal_accuracies() -> None:
    table, _ = pool(10)
    mean, std = gaussian_process().fit(table.rows(range(4)), np.full(4, 5.0)).predict(table)
    assert np.isfinite(mean).all()
    assert (std > 0).all()


@pytest.mark.parametrize(
    ("rows", "accuracy"), [(1, [1.0]), (2, [1.0]), (2, [1.0, np.nan]), (2, [np.inf, 0.0])]
)
def test_what_cannot_be_learned_from(rows: int, accuracy: list[float]) -> None:
    table, _ = pool(4)
    with pytest.raises(InvalidArgument, match="pass a finite number for each of two candidates"):
        gaussian_process().fit(table.rows(range(rows)), np.array(accuracy))


def test_no_candidates() -> None:
    table, accuracy = pool(4)
    assert len(gaussian_process().fit(table, accuracy).predict(table.rows([])).mean) == 0
