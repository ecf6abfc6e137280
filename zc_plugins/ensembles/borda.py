"""Borda count."""

from __future__ import annotations

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.ensembles._ensemble import scaled_ranks
from zc_plugins.scores import ScoreTable


def borda(table: ScoreTable, reference: ScoreTable | None = None) -> Float[ndarray, " candidates"]:
    """Mean over proxies of rank / candidates: every proxy's step counts the same.

    Args:
        table: scores of shape (candidates, proxies).
        reference: a frozen population to rank each candidate in, instead of the table's own.

    Returns:
        Dimensionless, in (0, 1]; higher is better. -inf where a proxy could not score the
        candidate.

    Raises:
        EmptyTable: without candidates or proxies.
        ReferenceMismatch: if the reference holds other proxies.

    Example:
        >>> borda(ScoreTable(["a", "b"], [[1, 4], [3, 4]]))
        array([0.625, 0.875])
    """
    means = scaled_ranks(table, reference).mean(axis=1)
    return np.where(table.scored, means, -np.inf)
