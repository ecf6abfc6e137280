"""What was scored once is not scored again."""

from __future__ import annotations

from dataclasses import dataclass, field

from zc_plugins._scoring.candidate import Candidate
from zc_plugins.cache import ScoreCache
from zc_plugins.proxies._proxy import ScoreRow

RECENT = 10_000
"""Rows of a cache that are held in this process as well."""


@dataclass(frozen=True)
class Memory:
    """Rows of architectures, in this process and behind it on disk; threads must take turns.

    Attributes:
        rows: by the space's name and the architecture's canonical text; grows without a cache.
        cache: asked for what is not among them; None without one.
        settings: of the scorer, under which the cache knows its rows.
        recent: some of the cache's rows, so that a large pool takes no more memory than a small.
    """

    rows: dict[tuple[str, str], ScoreRow]
    cache: ScoreCache | None
    settings: str
    recent: dict[tuple[str, str], ScoreRow] = field(default_factory=dict)

    def recalled(self, candidate: Candidate) -> ScoreRow | None:
        """The candidate's row if it is known; networks and functions never are."""
        known = candidate.known
        if known is None:
            return None
        row = self.rows.get(known) or self.recent.get(known)
        if row is None and self.cache is not None:
            row = self.cache.get(*known, self.settings)
            if row is not None:
                self._hold(known, row)
        return row

    def keep(self, candidate: Candidate, row: ScoreRow) -> None:
        """Know the row from now on, if the candidate is an architecture of a space."""
        if candidate.known is None:
            return
        if self.cache is None:
            self.rows[candidate.known] = row
            return
        self._hold(candidate.known, row)
        self.cache.put(*candidate.known, self.settings, row)

    def _hold(self, known: tuple[str, str], row: ScoreRow) -> None:
        if len(self.recent) >= RECENT:
            del self.recent[next(iter(self.recent))]
        self.recent[known] = row
