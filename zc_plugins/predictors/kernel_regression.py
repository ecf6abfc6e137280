"""A Gaussian process over columns of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.linalg import eigh
from scipy.spatial.distance import cdist

from zc_plugins._shapes import Float, ndarray
from zc_plugins.predictors._columns import joined, require_kinds
from zc_plugins.predictors._normal_scores import NormalScores
from zc_plugins.predictors._on_columns import OnColumns
from zc_plugins.predictors._predictor import Fitted, Predictor
from zc_plugins.predictors._spread import Guess
from zc_plugins.predictors._training import training_set
from zc_plugins.scores import ScoreTable

LENGTHS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
"""Among which the likelihood chooses, in units of the root of the number of columns."""

NOISES = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Variances of a training's luck, as shares of the process's, among which it chooses too."""


def kernel_regression(reads: Sequence[str] = ("scores",)) -> Predictor:
    """Candidates whose columns are alike have accuracies that are alike.

    A Gaussian process of the kernel exp(-distance^2 / 2 length^2) over standardised columns. It
    learns the normal scores of the accuracies' ranks; length and noise are those of the greatest
    marginal likelihood on a grid. ``gaussian_process`` is for few trainings: a prior trend in the
    scores, and likeness by parameters.

    Args:
        reads: kinds of columns, as of ``ridge``.

    Returns:
        A predictor whose standard deviation is learned from the process's and from the errors that
        leaving one out shows.

    Raises:
        InvalidArgument: if a kind of column is unknown.

    References:
        Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, chapters 2 and 5;
        section 5.4.2 for leaving one out.
    """
    require_kinds(reads)
    return KernelRegression(tuple(reads))


@dataclass(frozen=True)
class KernelRegression:
    """See ``kernel_regression``."""

    reads: tuple[str, ...]

    def fit(self, table: ScoreTable, accuracy: Float[ndarray, " candidates"]) -> Fitted:
        """See ``Predictor``."""
        table, accuracy = training_set(table, accuracy)
        columns, labels = joined(table, self.reads), NormalScores.of(accuracy)
        points, target = columns.matrix(table), labels.to(accuracy)
        varied = max(1, int(np.isfinite(columns.std).sum()))
        squares = cdist(points, points, "sqeuclidean") / varied
        spectra = {length: eigh(np.exp(-squares / (2 * length**2))) for length in LENGTHS}
        length, noise = max(
            product(LENGTHS, NOISES),
            key=lambda pair: _likelihood(spectra[pair[0]], pair[1], target),
        )
        eigenvalues, vectors = spectra[length]
        damped = np.maximum(eigenvalues, 0) + noise
        along = vectors.T @ target
        # The greatest likelihood has this amplitude, whatever length and noise are.
        amplitude = max(float((along**2 / damped).mean()), 1e-6)
        inverse = vectors / np.sqrt(damped)
        weights = vectors @ (along / damped)
        model = _Process(points, weights, inverse, amplitude, noise, length * np.sqrt(varied))
        # Without its own label a candidate has this variance, and is off by so much.
        alone = 1 / (inverse**2).sum(axis=1)
        left_out = Guess(target - weights * alone, np.sqrt(amplitude * alone))
        return OnColumns.of(columns, labels, model, left_out, target)


def _likelihood(spectrum: tuple[ndarray, ndarray], noise: float, target: ndarray) -> float:
    """The log marginal likelihood but for a constant, at its best amplitude."""
    eigenvalues, vectors = spectrum
    damped = np.maximum(eigenvalues, 0) + noise
    fit = ((vectors.T @ target) ** 2 / damped).mean()
    return float(-len(target) * np.log(max(fit, 1e-12)) - np.log(damped).sum())


@dataclass(frozen=True, eq=False)
class _Process:
    """The process after the trained candidates were seen.

    Attributes:
        points: shape (trained, columns).
        weights: shape (trained,).
        inverse: shape (trained, trained), a square root of the covariance's inverse.
        amplitude: variance of the process.
        noise: variance of a label, as a share of it.
        length: over which points are alike.
    """

    points: ndarray
    weights: ndarray
    inverse: ndarray
    amplitude: float
    noise: float
    length: float

    def __call__(self, numbers: Float[ndarray, "candidates columns"]) -> Guess:
        """Mean and deviation of the process."""
        squares = cdist(numbers, self.points, "sqeuclidean")
        cross = np.exp(-squares / (2 * self.length**2))
        known = ((cross @ self.inverse) ** 2).sum(axis=1)
        variance = self.amplitude * (np.maximum(1 - known, 0) + self.noise)
        return Guess(cross @ self.weights, np.sqrt(variance))
