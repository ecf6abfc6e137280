"""Predictors: a score table and the accuracies of trained candidates in, those of others out."""

from collections.abc import Callable

from zc_plugins._registry import Shelf
from zc_plugins.predictors._predictor import Fitted, Prediction, Predictor

SHELF: Shelf[Callable[..., Predictor]] = Shelf("predictor", __name__)

__all__ = ["SHELF", "Fitted", "Prediction", "Predictor"]
