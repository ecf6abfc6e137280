"""The history of a search as CSV."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

from zc_plugins._printable import printable
from zc_plugins.search import SearchResult


def write_history(result: SearchResult, path: Path) -> None:
    """One line a candidate, in order; a field is empty where there is no number.

    ``place`` is that among the best, from 1; of a front, along the front. ``seconds`` are those of
    building and scoring the candidate.
    """
    places = {member.step: place for place, member in enumerate(result.best, start=1)}
    limited = list(dict.fromkeys(name for member in result.history for name in member.costs))
    scores = [f"score_{name}" for name in result.proxies.names]
    head = ["step", "place", "text", *scores, *(f"cost_{name}" for name in limited), "seconds"]
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*map(printable, head), "note"])
        for member in result.history:
            numbers = [*member.scores, *(member.costs.get(name) for name in limited)]
            writer.writerow(
                [
                    member.step,
                    places.get(member.step, ""),
                    printable(member.text),
                    *map(finite, numbers),
                    member.seconds,
                    printable("; ".join(dict.fromkeys(member.notes.values()))),
                ]
            )


def finite(value: float | None) -> Any:
    """The number, or None for what neither CSV nor JSON has a word for."""
    return value if value is not None and math.isfinite(value) else None
