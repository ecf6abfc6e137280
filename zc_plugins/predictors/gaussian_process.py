"""A Gaussian process over architectures, whose mean rises with their scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.stats import norm

from zc_plugins._shapes import Float, ndarray
from zc_plugins.ensembles import SHELF as ENSEMBLES
from zc_plugins.ensembles import Ensemble
from zc_plugins.errors import InvalidArgument
from zc_plugins.predictors._choices import Choices, Encoded
from zc_plugins.predictors._predictor import Fitted, Prediction, Predictor
from zc_plugins.ranking import ranks
from zc_plugins.scores import ScoreTable

SLOPE, EARLY_SLOPE, SLOPE_VARIANCE = 0.5, 0.8, 0.3
"""Standard deviations of accuracy for one of the ensemble, and for one of the accuracy after a
short training; the variance of either, and of the slopes of all proxies together. Of jointly normal
variables, a slope of .5 is Kendall's tau of 1/3."""

LENGTHS, SCORE_WEIGHTS, NOISES = (0.25, 0.5, 1.0, 2.0, 4.0), (0.0, 0.5), (0.05, 0.2)
"""Among which the likelihood chooses: the distance over which architectures resemble each other,
the variance that goes with all scores, and that of a training's luck."""

WORST = -2.5
"""Standard deviations below the mean at which an accuracy counts no worse."""


def gaussian_process(
    ensemble: str | Ensemble = "az_rank",
    *,
    population: ScoreTable | None = None,
    early: Fitted | None = None,
) -> Predictor:
    """Predicts from few trainings: a trend in the scores, and likeness to what was trained.

    The accuracy is the mean of the trained, a slope times the ensemble's number (as a normal score
    in the population), a slope for each proxy, and two processes: one over the parameters that make
    an architecture, with the kernel exp(-distance / length), and one over the scores of all
    proxies. The ensemble's slope is positive beforehand, so that scores are believed before much is
    trained; what is trained weighs the proxies anew, and misleading ones are not followed for long.
    Length, weight and noise are those of the greatest marginal likelihood on a small grid.

    Args:
        ensemble: a name on the shelf, or any.
        population: unlabelled candidates among which scores are ranked and parameters scaled; the
            trained ones themselves where None.
        early: predicts the accuracy after a short training; the trend then follows it in place of
            the ensemble.

    Returns:
        A predictor that reads values and parameters of a table, and needs two candidates. Of a
        degenerate candidate it says nothing.

    References:
        Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, chapter 2 and
        section 5.4; the two fidelities after Kennedy and O'Hagan, Biometrika 2000.

    Example:
        >>> table = ScoreTable("abcd", [[1], [2], [3], [4]])
        >>> fitted = gaussian_process().fit(table.rows([0, 1, 2]), np.array([10.0, 20.0, 30.0]))
        >>> bool(fitted.predict(table).mean.argmax() == 3)
        True
    """
    chosen = ENSEMBLES[ensemble] if isinstance(ensemble, str) else ensemble
    return GaussianProcess(chosen, population, early)


@dataclass(frozen=True, eq=False)
class GaussianProcess:
    """See ``gaussian_process``."""

    ensemble: Ensemble
    population: ScoreTable | None
    early: Fitted | None

    def fit(self, table: ScoreTable, accuracy: Float[ndarray, " candidates"]) -> Fitted:
        """A process that knows the trained.

        Raises:
            InvalidArgument: if lengths differ, values are not finite or fewer than two are given.
        """
        accuracy = np.asarray(accuracy, dtype=np.float64)
        if accuracy.shape != (len(table),) or len(table) < 2 or not np.isfinite(accuracy).all():
            raise InvalidArgument(
                f"accuracy of shape {accuracy.shape} for {len(table)} candidates: pass a finite "
                "number for each of two candidates or more"
            )
        reader = _Reader(self.ensemble, self.population or table, self.early, table)
        return _posterior(reader, reader.read(table), accuracy)


@dataclass(frozen=True, eq=False)
class _Points:
    """Candidates as the kernel sees them.

    Attributes:
        trend: shape (candidates,), what the slope multiplies.
        doubt: its standard deviation.
        scores: shape (candidates, proxies), normal scores.
        choices: parameters, encoded.
        dead: of which nothing can be said.
    """

    trend: ndarray
    doubt: ndarray
    scores: ndarray
    choices: Encoded
    dead: ndarray


@dataclass(frozen=True, eq=False)
class _Reader:
    """Turns tables into points, all on the scale of one population."""

    ensemble: Ensemble
    population: ScoreTable
    early: Fitted | None
    trained: ScoreTable

    def read(self, table: ScoreTable) -> _Points:
        columns = [
            normal_scores(column, among)
            for column, among in zip(table.oriented.T, self.population.oriented.T, strict=True)
        ]
        trend, doubt = self._trend(table)
        dead = np.array(table.degenerate, dtype=bool)
        return _Points(
            trend, doubt, np.stack(columns, axis=1), self.choices.encode(table.parameters), dead
        )

    @cached_property
    def choices(self) -> Choices:
        return Choices([*self.population.parameters, *self.trained.parameters])

    @cached_property
    def _numbers(self) -> ndarray:
        return self.ensemble(self.population, self.population)

    @cached_property
    def _early_scale(self) -> tuple[float, float]:
        """Mean and standard deviation of what is foretold of the trained; 0 and 1 of nothing."""
        means = np.empty(0) if self.early is None else self.early.predict(self.trained).mean
        means = means[np.isfinite(means)]
        return (float(means.mean()), float(means.std()) or 1.0) if len(means) else (0.0, 1.0)

    def _trend(self, table: ScoreTable) -> tuple[ndarray, ndarray]:
        if self.early is not None:
            mean, std = self.early.predict(table)
            centre, scale = self._early_scale
            return np.where(np.isfinite(mean), (mean - centre) / scale, 0.0), std / scale
        numbers = self.ensemble(table, self.population)
        # A network that the proxies cannot read is neither good nor bad.
        numbers = np.where(np.isneginf(numbers), np.nan, numbers)
        return normal_scores(numbers, self._numbers), np.zeros(len(table))


@dataclass(frozen=True, eq=False)
class _Likeness:
    """Between candidates and others, what no setting changes.

    Attributes:
        apart: distance by parameters, shape (one, other).
        alike: in (0, 1] by scores, of that shape.
        slopes: covariance of the trends, of that shape.
    """

    apart: ndarray
    alike: ndarray
    slopes: ndarray

    @staticmethod
    def of(choices: Choices, one: _Points, other: _Points) -> _Likeness:
        squares = [
            (mine[:, None] - theirs[None]) ** 2
            for mine, theirs in zip(one.scores.T, other.scores.T, strict=True)
        ]
        return _Likeness(
            choices.distance(one.choices, other.choices),
            np.exp(-np.mean(squares, axis=0) / 2),
            np.outer(one.trend, other.trend) + one.scores @ other.scores.T / len(squares),
        )


@dataclass(frozen=True)
class _Kernel:
    """Covariance of accuracies, in squares of their standard deviation."""

    length: float
    score_weight: float
    noise: float

    def between(self, likeness: _Likeness) -> Float[ndarray, "one other"]:
        return np.asarray(
            np.exp(-likeness.apart / self.length)
            + self.score_weight * likeness.alike
            + SLOPE_VARIANCE * likeness.slopes
        )

    def alone(self, points: _Points) -> Float[ndarray, " candidates"]:
        slopes = points.trend**2 + (points.scores**2).mean(axis=1)
        return np.asarray(1 + self.score_weight + SLOPE_VARIANCE * slopes)

    def likelihood(self, likeness: _Likeness, residual: ndarray) -> tuple[float, ndarray]:
        """The log marginal likelihood, and the Cholesky factor."""
        covariance = self.between(likeness) + self.noise * np.eye(len(residual))
        factor = cholesky(covariance, lower=True)
        fit = residual @ cho_solve((factor, True), residual)
        return float(-fit / 2 - np.log(np.diag(factor)).sum()), factor


@dataclass(frozen=True, eq=False)
class _Posterior:
    """The process after the trained candidates were seen."""

    reader: _Reader
    kernel: _Kernel
    points: _Points
    factor: Float[ndarray, "trained trained"]
    weights: Float[ndarray, " trained"]
    centre: float
    scale: float
    slope: float

    def predict(self, table: ScoreTable) -> Prediction:
        """See ``Fitted``."""
        if len(table) == 0:
            return Prediction(np.empty(0), np.empty(0))
        points = self.reader.read(table)
        cross = self.kernel.between(_Likeness.of(self.reader.choices, points, self.points))
        mean = self.slope * (points.trend - self.points.trend.mean()) + cross @ self.weights
        explained = (solve_triangular(self.factor, cross.T, lower=True) ** 2).sum(axis=0)
        variance = np.maximum(self.kernel.alone(points) - explained, 1e-12)
        std = np.sqrt(variance + (self.slope * points.doubt) ** 2)
        return Prediction(
            np.where(points.dead, -np.inf, self.centre + self.scale * mean),
            np.where(points.dead, 0.0, self.scale * std),
        )


def _posterior(reader: _Reader, points: _Points, accuracy: ndarray) -> _Posterior:
    """The kernel of the greatest likelihood, given the trained."""
    standard, centre, scale = _standardised(accuracy)
    slope = SLOPE if reader.early is None else EARLY_SLOPE
    residual = standard - slope * (points.trend - points.trend.mean())
    likeness = _Likeness.of(reader.choices, points, points)
    kernels = (_Kernel(*setting) for setting in product(LENGTHS, SCORE_WEIGHTS, NOISES))
    found = ((kernel, *kernel.likelihood(likeness, residual)) for kernel in kernels)
    kernel, _, factor = max(found, key=lambda tried: tried[1])
    weights = cho_solve((factor, True), residual)
    return _Posterior(reader, kernel, points, factor, weights, centre, scale, slope)


def _standardised(accuracy: ndarray) -> tuple[ndarray, float, float]:
    """Accuracies of mean 0 and variance 1, and what was taken off and divided by.

    Low ones are drawn in first: a network that failed must not make all others look alike.
    """
    median = float(np.median(accuracy))
    drawn_in = np.maximum(accuracy, median - 2 * (accuracy.max() - median))
    centre, scale = float(drawn_in.mean()), float(drawn_in.std())
    scale = scale or float(accuracy.std()) or 1.0
    return np.maximum((drawn_in - centre) / scale, WORST), centre, scale


def normal_scores(
    values: Float[ndarray, " candidates"], among: Float[ndarray, " population"]
) -> Float[ndarray, " candidates"]:
    """Quantiles of the normal distribution at the values' ranks in a population; 0 for NaN."""
    shares = ranks(values, among) - 0.5 / (len(among) + 1)
    return np.asarray(np.nan_to_num(norm.ppf(shares)))
