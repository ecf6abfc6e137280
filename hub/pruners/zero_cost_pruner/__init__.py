"""Zero-Cost Pruner: what zc_plugins has under this name."""

from zc_plugins.optuna import ZeroCostPruner

__all__ = ["ZeroCostPruner"]
