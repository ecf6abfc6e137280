"""What a predictor is: fitted on trained candidates, it foretells the accuracy of others."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

from zc_plugins._shapes import Float, ndarray
from zc_plugins.scores import ScoreTable


class Prediction(NamedTuple):
    """Normal distributions of the accuracies of a table's candidates.

    Attributes:
        mean: in the unit of the accuracies that were fitted; -inf where nothing can be said.
        std: how far the accuracy may lie off, in the same unit; 0 where nothing can be said.
    """

    mean: Float[ndarray, " candidates"]
    std: Float[ndarray, " candidates"]


@runtime_checkable
class Fitted(Protocol):
    """What a predictor has become by trained candidates."""

    def predict(self, table: ScoreTable) -> Prediction:
        """The accuracies of candidates; each row is judged alone.

        Raises:
            ReferenceMismatch: if the table lacks a proxy that the fitted one had.
        """
        ...


@runtime_checkable
class Predictor(Protocol):
    """Settings and a seed; frozen, so that it fits the same whenever it is asked."""

    def fit(self, table: ScoreTable, accuracy: Float[ndarray, " candidates"]) -> Fitted:
        """Learn from trained candidates.

        Args:
            table: of the trained candidates; what is read of it (values, layers, parameters) is
                the predictor's to say.
            accuracy: of shape (candidates,), in any unit; higher is better.

        Raises:
            InvalidArgument: if the lengths differ, or there are too few candidates.
            MissingStatistic: if the table lacks what is read.
        """
        ...
