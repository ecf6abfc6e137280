"""AZ-NAS's rank aggregation over the proxies that can read the population."""

from __future__ import annotations

import warnings

import numpy as np

from zc_plugins._shapes import Bool, Float, ndarray
from zc_plugins.ensembles.az_rank import az_rank
from zc_plugins.scores import ScoreTable

LARGEST_SHARE = 0.1
"""Of live candidates that a proxy which takes part may leave unread."""


def readable_rank(
    table: ScoreTable, reference: ScoreTable | None = None
) -> Float[ndarray, " candidates"]:
    """``az_rank`` without the proxies that cannot read a tenth of the live candidates or more.

    A proxy may be undefined for a kind of network: jacov is, behind a batch normalisation, pooling
    and a linear layer. Left in, it would put all of that kind last. Candidates that are degenerate,
    or that half of the proxies cannot read (their forward pass fails), do not count. A warning names the
    proxies that take no part.

    Args:
        table: scores of shape (candidates, proxies).
        reference: a frozen population to rank each candidate in, instead of the table's own; it
            alone decides which proxies take part.

    Returns:
        Dimensionless, at most 0; higher is better; comparable within this table, or within this
        reference, only. -inf where a proxy that takes part could not score the candidate.

    Raises:
        EmptyTable: without candidates or proxies.
        ReferenceMismatch: if the reference holds other proxies.

    Example:
        >>> values = [[1, 2, 1], [3, 4, 2], [5, np.nan, 3]]
        >>> with warnings.catch_warnings(action="ignore"):
        ...     readable_rank(ScoreTable("abc", values)).round(3)
        array([-2.197, -0.811,  0.   ])
    """
    kept = _readable(table if reference is None else reference)
    if kept.all() or not kept.any():
        return az_rank(table, reference)
    left_out = [name for name, keep in zip(table.proxies, kept, strict=True) if not keep]
    warnings.warn(
        f"{', '.join(left_out)} cannot read many of these networks: they are ranked without",
        stacklevel=2,
    )
    names = [name for name in table.proxies if name not in left_out]
    return az_rank(table.only(names), None if reference is None else reference.only(names))


def _readable(population: ScoreTable) -> Bool[ndarray, " proxies"]:
    unread = np.isnan(population.values)
    if unread.shape[1] == 0:
        return np.ones(0, dtype=bool)
    broken = unread.mean(axis=1) >= 0.5
    live = np.logical_not(np.array(population.degenerate, dtype=bool) | broken)
    if not live.any():
        return np.ones(unread.shape[1], dtype=bool)
    return np.asarray(unread[live].mean(axis=0) < LARGEST_SHARE)
