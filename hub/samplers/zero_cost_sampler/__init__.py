"""Zero-Cost Sampler: what zc_plugins has under this name."""

from zc_plugins.optuna import ZeroCostSampler

__all__ = ["ZeroCostSampler"]
