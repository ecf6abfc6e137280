"""Filter-Then-Train Sampler: what zc_plugins has under this name."""

from zc_plugins.optuna import FilterThenTrainSampler

__all__ = ["FilterThenTrainSampler"]
