"""A predictor in the loop: when it can learn from a search's own trainings, what it promises."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import norm

from zc_plugins._shapes import Float, ndarray
from zc_plugins._threads import one_blas_thread
from zc_plugins.errors import InvalidArgument, ReferenceMismatch
from zc_plugins.predictors import Fitted, Prediction, Predictor
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces import SearchSpace

ENOUGH = 10
"""Whole trainings, of networks that are not degenerate, of which every predictor must be able to
learn."""


@dataclass(frozen=True)
class Training:
    """What is known of an architecture that was trained, or begun.

    Attributes:
        architecture: of the space.
        value: after the whole training, in any unit, higher is better; NaN where it was stopped.
        early: values by the step at which they were reported.
    """

    architecture: Any
    value: float = math.nan
    early: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Learned:
    """A predictor after whole trainings.

    Attributes:
        fitted: what it has become.
        best: value of the trainings.
    """

    fitted: Fitted
    best: float

    @staticmethod
    def of(predictor: Predictor, table: ScoreTable, values: Mapping[int, float]) -> Learned | None:
        """The predictor after trainings of some of a table's candidates.

        Args:
            predictor: says by ``InvalidArgument`` that these are too few.
            table: of the trained, and maybe others.
            values: of the trained, by place in the table; higher is better.

        Returns:
            None while they are too few for the predictor.

        Raises:
            InvalidArgument: if it cannot learn from ``ENOUGH`` either.
            ReferenceMismatch: if it began elsewhere with proxies that the table lacks.
        """
        if not values:
            return None
        trained = table.rows(list(values))
        try:
            with one_blas_thread():
                fitted = predictor.fit(trained, np.array(list(values.values()), dtype=np.float64))
        except ReferenceMismatch:
            # Of another scorer: no training will mend that.
            raise
        except InvalidArgument:
            if len(trained) - sum(trained.degenerate) >= ENOUGH:
                raise
            return None
        return Learned(fitted, max(values.values()))

    def improvement(self, table: ScoreTable) -> Float[ndarray, " candidates"]:
        """By how much each candidate is expected to surpass the best; -inf of the degenerate."""
        with one_blas_thread():
            return expected_improvement(self.fitted.predict(table), self.best)


def learned(
    predictor: Predictor | None,
    scorer: Scorer,
    space: SearchSpace[Any],
    trainings: Iterable[Training],
) -> Learned | None:
    """The predictor after the whole ones of a search's trainings; None if it cannot learn yet.

    The trained are scored, which costs nothing where the scorer has met them. Of two trainings of
    one architecture the better counts.

    Raises:
        InvalidArgument: as ``Learned.of``.
    """
    if predictor is None:
        return None
    whole = [training for training in trainings if math.isfinite(training.value)]
    architectures = [training.architecture for training in whole]
    table = scorer.score(architectures, space=space, show_progress=False)
    places: dict[str, int] = {}
    values: dict[int, float] = {}
    for row, (key, training) in enumerate(zip(table.candidates, whole, strict=True)):
        place = places.setdefault(key, row)
        values[place] = max(training.value, values.get(place, training.value))
    return Learned.of(predictor, table, values)


def expected_improvement(predicted: Prediction, best: float) -> Float[ndarray, " candidates"]:
    """By how much a candidate is expected to surpass the best, not surpassing counted as 0.

    -inf where nothing is predicted.

    References:
        Jones, Schonlau and Welch, J. Global Optimization 1998, equation 15.
    """
    said = np.isfinite(predicted.mean)
    std = np.maximum(predicted.std, 1e-12)
    lead = (np.where(said, predicted.mean, best) - best) / std
    return np.where(said, std * (lead * norm.cdf(lead) + norm.pdf(lead)), -np.inf)
