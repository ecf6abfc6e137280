"""Benchmark tables: accuracies of architectures that others have trained."""

from zc_plugins.tables._table import Table, training_seconds

__all__ = ["Table", "training_seconds"]
