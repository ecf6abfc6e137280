"""What was scored once is not scored again."""

from __future__ import annotations

from dataclasses import dataclass

from zc_plugins._scoring.candidate import Candidate
from zc_plugins.cache import ScoreCache
from zc_plugins.proxies._proxy import ScoreRow


@dataclass(frozen=True)
class Memory:
    """Rows of architectures, in this process and behind it on disk; threads must take turns.

    Attributes:
        rows: by the space's name and the architecture's canonical text; grows.
        cache: asked for what is not among them; None without one.
        settings: of the scorer, under which the cache knows its rows.
    """

    rows: dict[tuple[str, str], ScoreRow]
    cache: ScoreCache | None
    settings: str

    def recalled(self, candidate: Candidate) -> ScoreRow | None:
        """The candidate's row if it is known; networks and functions never are."""
        known = candidate.known
        if known is None:
            return None
        if known not in self.rows and self.cache is not None:
            kept = self.cache.get(*known, self.settings)
            if kept is not None:
                self.rows[known] = kept
        return self.rows.get(known)

    def keep(self, candidate: Candidate, row: ScoreRow) -> None:
        """Know the row from now on, if the candidate is an architecture of a space."""
        if candidate.known is None:
            return
        self.rows[candidate.known] = row
        if self.cache is not None:
            self.cache.put(*candidate.known, self.settings, row)
