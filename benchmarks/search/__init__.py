"""Training-based search against zc_plugins on benchmark tables: ``python -m benchmarks.search``."""
