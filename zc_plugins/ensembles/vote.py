"""Majority vote of the proxies."""

from __future__ import annotations

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.ensembles._ensemble import scaled_ranks
from zc_plugins.scores import ScoreTable


def vote(table: ScoreTable, reference: ScoreTable | None = None) -> Float[ndarray, " candidates"]:
    """Share of the other candidates that this one beats by majority of the proxies.

    A candidate beats another if more proxies rank it higher than lower; equal numbers count half
    (Copeland's rule). One proxy that is far off cannot decide.

    Args:
        table: scores of shape (candidates, proxies).
        reference: a frozen population to compare each candidate with, instead of the table's own.

    Returns:
        In [0, 1]; higher is better. -inf where a proxy could not score the candidate.

    Raises:
        EmptyTable: without candidates or proxies.
        ReferenceMismatch: if the reference holds other proxies.

    Example:
        >>> vote(ScoreTable(["a", "b", "c"], [[1, 9, 1], [2, 2, 2], [3, 3, 3]]))
        array([0. , 0.5, 1. ])
    """
    mine = scaled_ranks(table, reference)
    others = mine if reference is None else scaled_ranks(reference, reference)
    wins = np.empty(len(mine))
    for place, row in enumerate(mine):
        margin = np.sign(row - others).sum(axis=1)
        wins[place] = np.heaviside(margin, 0.5).sum() - (0.5 if reference is None else 0.0)
    rivals = len(others) - (reference is None)
    return np.where(table.scored, wins / max(rivals, 1), -np.inf)
