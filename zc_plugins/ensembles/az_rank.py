"""AZ-NAS's non-linear rank aggregation."""

from __future__ import annotations

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.ensembles._ensemble import scaled_ranks
from zc_plugins.scores import ScoreTable


def az_rank(
    table: ScoreTable, reference: ScoreTable | None = None
) -> Float[ndarray, " candidates"]:
    """Non-linear rank aggregation of AZ-NAS: the sum over proxies of log(rank / candidates).

    One low rank costs more than one high rank earns, so balanced architectures win.

    Args:
        table: scores of shape (candidates, proxies).
        reference: a frozen population to rank each candidate in, instead of the table's own.

    Returns:
        Dimensionless, at most 0; higher is better; comparable within this table, or within this
        reference, only. -inf where a proxy could not score the candidate.

    Raises:
        EmptyTable: without candidates or proxies.
        ReferenceMismatch: if the reference holds other proxies.

    References:
        Lee and Ham, AZ-NAS, CVPR 2024, arXiv:2403.19232, eq. 13.

    Example:
        >>> az_rank(ScoreTable(["a", "b"], [[1, 2], [3, 4]])).round(3)
        array([-1.386,  0.   ])
    """
    with np.errstate(divide="ignore"):
        total: ndarray = np.log(scaled_ranks(table, reference)).sum(axis=1)
    return total
