"""AZ-NAS's rank aggregation over the proxies that can read the population."""

from __future__ import annotations

import warnings

import numpy as np

from zc_plugins._shapes import Bool, Float, ndarray
from zc_plugins.ensembles._ensemble import require_same_proxies
from zc_plugins.ensembles.az_rank import az_rank
from zc_plugins.scores import ScoreTable

SHARE, FEWEST = 0.1, 3
"""A proxy that leaves so large a part of the live candidates unread, and so many, takes no part."""


def readable_rank(
    table: ScoreTable, reference: ScoreTable | None = None
) -> Float[ndarray, " candidates"]:
    """``az_rank`` without the proxies that cannot read a tenth of the live candidates, or more.

    A proxy may be undefined for a kind of network: jacov is, behind a batch normalisation, pooling
    and a linear layer. Left in, it would put all of that kind last. Candidates that are degenerate,
    or that more than half of the proxies cannot read (their forward pass fails), do not count. A
    warning names the proxies that take no part.

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
        >>> values = [[1, 2], [3, np.nan], [5, np.nan], [7, np.nan]]
        >>> with warnings.catch_warnings(action="ignore"):
        ...     readable_rank(ScoreTable("abcd", values)).round(3)
        array([-1.386, -0.693, -0.288,  0.   ])
    """
    if reference is not None:
        require_same_proxies(table, reference)
    kept = _readable(table if reference is None else reference)
    if kept.all() or not kept.any():
        return az_rank(table, reference)
    names = [name for name, keep in zip(table.proxies, kept, strict=True) if keep]
    left_out = [name for name in table.proxies if name not in names]
    warnings.warn(
        f"{', '.join(left_out)} cannot read many of these networks: they are ranked without",
        stacklevel=2,
    )
    return az_rank(table.only(names), None if reference is None else reference.only(names))


def _readable(population: ScoreTable) -> Bool[ndarray, " proxies"]:
    unread = np.isnan(population.values)
    broken = unread.sum(axis=1) > unread.shape[1] / 2
    live = np.logical_not(np.array(population.degenerate, dtype=bool) | broken)
    count = unread[live].sum(axis=0)
    return np.asarray((count < FEWEST) | (count < SHARE * live.sum()))
