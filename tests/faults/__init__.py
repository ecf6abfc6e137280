"""Faults that are injected: kills, damage, lack of memory, malice."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def quietly(examples: int) -> settings:
    """The same examples at every run, so that CI fails for a change only."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
