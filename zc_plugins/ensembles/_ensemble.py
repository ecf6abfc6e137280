"""What an ensemble is, and the ranks that all of them begin with."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import ReferenceMismatch
from zc_plugins.ranking import ranks
from zc_plugins.scores import ScoreTable


@runtime_checkable
class Ensemble(Protocol):
    """Aggregates the proxies of a table."""

    def __call__(
        self, table: ScoreTable, reference: ScoreTable | None = None
    ) -> Float[ndarray, " candidates"]:
        """One number a candidate, higher is better; -inf where a proxy could not score it.

        Without a reference it is relative to the other candidates of the table. With one, each
        candidate is ranked alone among the reference's, so the number is stationary.
        """
        ...


def scaled_ranks(
    table: ScoreTable, reference: ScoreTable | None
) -> Float[ndarray, "candidates proxies"]:
    """Rank / population of each candidate under each proxy, in (0, 1]; 0 in rows with a NaN.

    A candidate that some proxy could not score stands behind all that could be scored, under every
    proxy.

    Raises:
        EmptyTable: without candidates or proxies.
        ReferenceMismatch: if the reference holds other proxies.
    """
    values, scored = table.oriented, table.scored
    population = None
    if reference is not None:
        require_same_proxies(table, reference)
        # Whoever could not be scored is beaten under every proxy.
        population = np.where(reference.scored[:, None], reference.oriented, -np.inf)
    values = np.where(scored[:, None], values, -np.inf)
    columns = [
        ranks(column, None if population is None else population[:, place])
        for place, column in enumerate(values.T)
    ]
    return np.where(scored[:, None], np.stack(columns, axis=1), 0.0)


def require_same_proxies(table: ScoreTable, reference: ScoreTable) -> None:
    """Refuse a reference of other proxies.

    Raises:
        ReferenceMismatch: with both lists.
    """
    if tuple(reference.proxies) != tuple(table.proxies):
        raise ReferenceMismatch(
            f"the reference holds {list(reference.proxies)}, the table {list(table.proxies)}: "
            "score both with the same scorer"
        )
