"""Scores as a host shows them beside a trial: one number a proxy, a column each."""

from __future__ import annotations

import math

from zc_plugins.scores import ScoreTable

PREFIX = "zc_"


def score_attributes(table: ScoreTable, row: int) -> dict[str, float | str]:
    """``zc_NAME`` for each finite score of the row; ``zc_note`` where one is missing.

    Plain floats, since databases refuse numpy's; no NaN, since JSON has none.
    """
    attributes: dict[str, float | str] = {
        f"{PREFIX}{name}": float(value)
        for name, value in zip(table.proxies, table.values[row], strict=True)
        if math.isfinite(value)
    }
    reason = table.reason(row)
    return {**attributes, f"{PREFIX}note": reason} if reason else attributes
