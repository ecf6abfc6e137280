"""What predictors are trained on."""

from __future__ import annotations

import numpy as np

from zc_plugins._shapes import Bool, Float, ndarray
from zc_plugins.errors import InvalidArgument
from zc_plugins.predictors._predictor import Prediction
from zc_plugins.scores import ScoreTable

FEWEST = 5
"""Live candidates below which nothing is learned."""


def training_set(
    table: ScoreTable, accuracy: Float[ndarray, " candidates"], fewest: int = FEWEST
) -> tuple[ScoreTable, Float[ndarray, " live"]]:
    """The candidates that are not degenerate, with their accuracies; of the others nothing is said.

    Raises:
        InvalidArgument: if lengths differ, an accuracy is not finite, or fewer than ``fewest``
            candidates are left.
    """
    accuracy = np.asarray(accuracy, dtype=np.float64)
    if accuracy.shape != (len(table),) or not np.isfinite(accuracy).all():
        raise InvalidArgument(
            f"accuracy of shape {accuracy.shape} for {len(table)} candidates: pass a finite number "
            "for each"
        )
    live = np.flatnonzero(alive(table))
    if len(live) < fewest:
        raise InvalidArgument(
            f"{len(live)} candidates that are not degenerate: train {fewest} or more"
        )
    return table.rows([int(row) for row in live]), accuracy[live]


def alive(table: ScoreTable) -> Bool[ndarray, " candidates"]:
    """Which candidates are not degenerate."""
    live: ndarray = ~np.array(table.degenerate, dtype=bool).reshape(len(table))
    return live


def of_the_live(table: ScoreTable, prediction: Prediction) -> Prediction:
    """The prediction, with nothing said of degenerate candidates."""
    live = alive(table)
    return Prediction(np.where(live, prediction.mean, -np.inf), np.where(live, prediction.std, 0.0))
