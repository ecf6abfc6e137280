"""Clusters as executors of Python's ``concurrent.futures``, for ``scorer.score(executor=...)``."""
