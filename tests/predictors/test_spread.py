"""Standard deviations are learned from errors on what was left out, and cover as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from tests.predictors.tables import population
from zc_plugins._shapes import ndarray
from zc_plugins.predictors import Predictor
from zc_plugins.predictors._on_columns import OnColumns
from zc_plugins.predictors._spread import LEARNED, Guess, Spread
from zc_plugins.predictors.committee import committee
from zc_plugins.predictors.gaussian_process import gaussian_process
from zc_plugins.predictors.kernel_regression import _Process, kernel_regression
from zc_plugins.predictors.random_forest import random_forest
from zc_plugins.predictors.ridge import ridge
from zc_plugins.predictors.training_free import training_free


def drawn(size: int, seed: int) -> tuple[Guess, ndarray]:
    """Guesses whose std is off by a factor of 7, and does not tell that low means are worse."""
    rng = np.random.default_rng(seed)
    mean, said = rng.normal(size=size), rng.uniform(0.5, 2.0, size)
    true = said * np.exp(-0.8 * mean)
    return Guess(mean, 7 * said), mean + true * rng.normal(size=size)


def test_it_covers_new_candidates_everywhere() -> None:
    spread = Spread.of(*drawn(400, seed=0))
    guess, target = drawn(4000, seed=1)
    off = np.abs(target - guess.mean) / spread(guess)
    for part in (guess.mean < -0.5, guess.mean > 0.5, guess.std < 7, guess.std > 7):
        assert (off[part] < 1).mean() == pytest.approx(0.68, abs=0.06)
        assert (off[part] < 1.96).mean() == pytest.approx(0.95, abs=0.03)


def test_the_scale_of_what_is_said_does_not_matter() -> None:
    guess, target = drawn(100, seed=2)
    louder = Guess(guess.mean, 1000 * guess.std)
    found, again = Spread.of(guess, target)(guess), Spread.of(louder, target)(louder)
    np.testing.assert_allclose(again, found, rtol=1e-4)


def test_beyond_the_left_out_nothing_is_drawn_on() -> None:
    guess, target = drawn(100, seed=3)
    spread = Spread.of(guess, target)
    edge, std = guess.mean.min(), np.ones(1)
    at, beyond = spread(Guess(np.array([edge]), std)), spread(Guess(np.array([edge - 50]), std))
    np.testing.assert_array_equal(at, beyond)


def test_nothing_is_certain_and_few_are_enough() -> None:
    guess, _ = drawn(5, seed=4)
    found = Spread.of(guess, guess.mean)(guess)
    assert (found > 0).all()
    assert found.max() < 0.01
    alike = Guess(np.zeros(5), np.ones(5))
    widened = np.sqrt(5 / (5 - LEARNED))
    np.testing.assert_allclose(Spread.of(alike, np.ones(5))(alike), widened, rtol=0.01)


def test_of_few_it_covers_too() -> None:
    within = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        mean, target = rng.normal(size=(2, 10)) * 0.1
        spread = Spread.of(Guess(mean, np.ones(10)), mean + target)
        off = 0.1 * rng.normal(size=100)
        within.append(np.abs(off) < spread(Guess(0.1 * rng.normal(size=100), np.ones(100))))
    assert np.mean(within) == pytest.approx(0.68, abs=0.05)


def fitted(predictor: Predictor) -> tuple[OnColumns, ndarray, ndarray]:
    """With the standardised columns of what it was trained on, and the labels' normal scores."""
    table, accuracy = population()
    live = np.flatnonzero(~np.array(table.degenerate))
    found = predictor.fit(table, accuracy)
    assert isinstance(found, OnColumns)
    target = found.labels.to(accuracy[live])
    return found, found.columns.matrix(table.rows(live.tolist())), target


def test_left_out_by_a_process() -> None:
    found, numbers, target = fitted(kernel_regression(["scores", "parameters"]))
    process = found.model
    assert isinstance(process, _Process)
    for row in (0, 17, 40):
        rest = np.arange(len(target)) != row
        squares = cdist(numbers, numbers, "sqeuclidean")
        kernel = np.exp(-squares / (2 * process.length**2))
        with_noise = kernel + process.noise * np.eye(len(target))
        known = np.linalg.solve(with_noise[np.ix_(rest, rest)], kernel[rest, row])
        variance = process.amplitude * (1 + process.noise - known @ kernel[rest, row])
        assert found.left_out.mean[row] == pytest.approx(known @ target[rest], abs=1e-8)
        assert found.left_out.std[row] == pytest.approx(np.sqrt(variance), rel=1e-6)


def test_left_out_by_a_ridge() -> None:
    found, numbers, target = fitted(ridge(["scores", "parameters"]))
    # The penalty that was chosen is the one whose solution this is.
    penalty = _penalty(found, numbers, target)
    for row in (0, 17, 40):
        rest = np.arange(len(target)) != row
        # The mean of the columns stays, so that an intercept of its own is fitted.
        columns = np.concatenate([np.ones((len(target), 1)), numbers], axis=1)
        pull = np.diag([0.0, *np.full(numbers.shape[1], penalty)])
        gram = columns[rest].T @ columns[rest] + pull
        solution = np.linalg.solve(gram, columns[rest].T @ target[rest])
        assert found.left_out.mean[row] == pytest.approx(columns[row] @ solution, abs=1e-6)


def _penalty(found: OnColumns, numbers: ndarray, target: ndarray) -> float:
    mean = found.model(numbers).mean - target.mean()
    coefficients = np.linalg.lstsq(numbers, mean, rcond=None)[0]
    gradient = numbers.T @ (target - target.mean() - numbers @ coefficients)
    return float(gradient @ coefficients / (coefficients @ coefficients))


@pytest.mark.parametrize(
    "predictor",
    [
        random_forest(["scores", "graph"], trees=40),
        kernel_regression(["scores", "parameters"]),
        ridge(["scores", "parameters"]),
        training_free("good"),
        committee(),
        committee([gaussian_process("az_rank"), training_free("good")]),
    ],
)
def test_intervals_cover_what_was_not_trained(predictor: Predictor) -> None:
    table, accuracy = population()
    live = np.flatnonzero(~np.array(table.degenerate))
    off = []
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(live).tolist()
        mine, others = order[:40], order[40:]
        mean, std = predictor.fit(table.rows(mine), accuracy[mine]).predict(table.rows(others))
        off.append(np.abs(mean - accuracy[others]) / std)
    assert 0.5 < (np.concatenate(off) < 1).mean() < 0.9
    assert (np.concatenate(off) < 1.96).mean() > 0.8


def test_five_are_enough_for_any_member() -> None:
    table, accuracy = population()
    few = np.flatnonzero(~np.array(table.degenerate))[:5].tolist()
    members = [gaussian_process("az_rank"), ridge(["scores"])]
    found = committee(members).fit(table.rows(few), accuracy[few]).predict(table)
    live = ~np.array(table.degenerate)
    assert np.isfinite(found.mean[live]).all()
    assert (found.std[live] > 0).all()


def test_what_one_member_has_read_serves_the_next() -> None:
    table, accuracy = population()
    first = random_forest(["scores", "layers"], trees=10).fit(table, accuracy)
    second = kernel_regression(["layers", "graph", "scores"]).fit(table, accuracy)
    assert isinstance(first, OnColumns)
    assert isinstance(second, OnColumns)
    read: dict[str, ndarray] = {}
    first.guess(table, read)
    assert set(read) == {"scores", "layers"}
    np.testing.assert_array_equal(second.guess(table, read).mean, second.guess(table).mean)
