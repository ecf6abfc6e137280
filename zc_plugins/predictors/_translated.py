"""A predictor fitted on another space, whose scores are of another size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument, ReferenceMismatch
from zc_plugins.predictors._predictor import Fitted, Prediction
from zc_plugins.scores import ScoreTable


@dataclass(frozen=True, eq=False)
class Translated:
    """Reads each score here as the score of the same rank there.

    Scores are all that is carried: of layers, parameters and graphs of another space nothing is
    known here.

    Attributes:
        fitted: on scores of the other space.
        there: candidates of that space, e.g. those that it was fitted on; its proxies are read.
        here: unlabelled candidates of this space.

    Raises:
        InvalidArgument: if ``here`` lacks a proxy, or one has no score in either.
    """

    fitted: Fitted
    there: ScoreTable
    here: ScoreTable

    def __post_init__(self) -> None:
        for proxy in self.there.proxies:
            known = proxy in self.here.proxies and np.isfinite(self.here.column(proxy)).any()
            if not known or not np.isfinite(self.there.column(proxy)).any():
                raise InvalidArgument(f"{proxy} has no score in one of the spaces: leave it out")

    def predict(self, table: ScoreTable) -> Prediction:
        """See ``Fitted``; in the unit of the accuracies there."""
        proxies = self.there.proxies
        missing = [name for name in proxies if name not in table.proxies]
        if missing:
            raise ReferenceMismatch(f"the table lacks {missing}: score with the same proxies")
        columns = [
            _moved(table.column(proxy), self.here.column(proxy), self.there.column(proxy))
            for proxy in proxies
        ]
        moved = ScoreTable(
            table.candidates,
            np.stack(columns, axis=1),
            proxies,
            self.there.higher_is_better,
            notes=table.notes,
            degenerate=table.degenerate,
        )
        return self.fitted.predict(moved)


def _moved(
    values: Float[ndarray, " candidates"],
    here: Float[ndarray, " population"],
    there: Float[ndarray, " others"],
) -> Float[ndarray, " candidates"]:
    """The value of the same share there; NaN stays."""
    population = np.sort(here[np.isfinite(here)])
    below, upto = (np.searchsorted(population, values, side) for side in ("left", "right"))
    shares = (below + upto) / (2 * len(population))
    moved = np.quantile(there[np.isfinite(there)], shares, method="hazen")
    return np.where(np.isfinite(values), moved, np.nan)
