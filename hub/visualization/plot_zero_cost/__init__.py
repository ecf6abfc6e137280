"""Plots of Zero-Cost Scores: what zc_plugins has under this name."""

from zc_plugins.optuna.visualization import plot_layer_profile, plot_trust, plot_zero_cost_scores

__all__ = ["plot_layer_profile", "plot_trust", "plot_zero_cost_scores"]
