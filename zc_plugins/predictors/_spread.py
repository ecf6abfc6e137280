"""How far off a predictor is, learned from candidates that it had not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from zc_plugins._shapes import Float, ndarray

FLOOR = 1e-3
"""Normal scores by which every residual counts as off: none is certain."""

PULL = 5.0
"""Of slopes to 0, per square of what a column's standard deviation changes the logarithm by."""

LEARNED = 3
"""Numbers that are learned of the left out, nearly: slopes are pulled. Of few, errors look smaller
for it."""


class Guess(NamedTuple):
    """Normal scores of accuracies, before it is known how far off they are.

    Attributes:
        mean: shape (candidates,).
        std: positive; what the predictor itself says, on a scale of its own.
    """

    mean: Float[ndarray, " candidates"]
    std: Float[ndarray, " candidates"]


@dataclass(frozen=True, eq=False)
class Spread:
    """A standard deviation whose logarithm is linear in log(std), the mean and its square.

    A predictor errs most where labels lie far apart, or near each other, and not only where it says
    so; scaled by one number, intervals are too wide for most and too narrow for some.

    Attributes:
        ends: least and greatest mean of the left out, beyond which nothing changes.
        centre: of the three columns.
        scale: of these.
        weights: intercept, then slopes of the standardised columns.
    """

    ends: tuple[float, float]
    centre: Float[ndarray, " 3"]
    scale: Float[ndarray, " 3"]
    weights: Float[ndarray, " 4"]

    @staticmethod
    def of(left_out: Guess, target: Float[ndarray, " candidates"]) -> Spread:
        """Of the greatest normal likelihood.

        Args:
            left_out: what was said of trained candidates without their labels; more than
                ``LEARNED``.
            target: normal scores of these.
        """
        ends = float(left_out.mean.min()), float(left_out.mean.max())
        columns = _columns(left_out, ends)
        centre, scale = columns.mean(axis=0), columns.std(axis=0)
        scale = np.where(scale > 1e-9, scale, np.inf)
        squares = (target - left_out.mean) ** 2 + FLOOR**2
        known = _with_one((columns - centre) / scale)
        pull = np.array([0.0, PULL, PULL, PULL])

        def loss(weights: ndarray) -> tuple[float, ndarray]:
            logarithms = known @ weights
            off = squares * np.exp(-2 * logarithms)
            value = logarithms.sum() + off.sum() / 2 + pull @ weights**2
            return float(value), known.T @ (1 - off) + 2 * pull * weights

        start = np.array([np.log(squares.mean()) / 2, 0, 0, 0])
        weights = minimize(loss, start, jac=True, method="BFGS").x
        weights[0] += np.log(len(target) / (len(target) - LEARNED)) / 2
        return Spread(ends, centre, scale, weights)

    def __call__(self, guess: Guess) -> Float[ndarray, " candidates"]:
        """Standard deviations in normal scores."""
        columns = _with_one((_columns(guess, self.ends) - self.centre) / self.scale)
        return np.asarray(np.exp(columns @ self.weights))


def _columns(guess: Guess, ends: tuple[float, float]) -> Float[ndarray, "candidates 3"]:
    mean = np.clip(guess.mean, *ends)
    return np.stack([np.log(guess.std), mean, mean**2], axis=1)


def _with_one(columns: Float[ndarray, "candidates 3"]) -> Float[ndarray, "candidates 4"]:
    return np.concatenate([np.ones((len(columns), 1)), columns], axis=1)
