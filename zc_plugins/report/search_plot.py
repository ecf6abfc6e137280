"""A search as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from zc_plugins._optional import require
from zc_plugins._printable import printable
from zc_plugins.report._measured import UNITS
from zc_plugins.search import SearchResult


def search_plot(result: SearchResult) -> Any:
    """All candidates and the best score so far; of a front, score against cost.

    Of several proxies the ensemble's number among all candidates stands for the score. Candidates
    without a score are left out.

    Returns:
        A ``matplotlib.figure.Figure``, which belongs to no window.

    Raises:
        MissingExtra: if matplotlib is not installed.
    """
    figure = require("matplotlib.figure", extra="report").Figure((7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    draw = _course if result.front is None else _front
    draw(axes, result)
    # Names are texts, not formulas.
    axes.set_ylabel(printable(_label(result)), parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.legend(frameon=False)
    return figure


def _course(axes: Any, result: SearchResult) -> None:
    """Scores over the number of candidates."""
    numbers, sign = result.numbers, _sign(result)
    place = np.arange(1, len(numbers) + 1)
    shown = np.isfinite(numbers)
    best = np.maximum.accumulate(np.where(shown, numbers, -np.inf))
    known = np.isfinite(best)
    axes.plot(
        place[shown], sign * numbers[shown], ".", color="0.6", markersize=4, label="candidates"
    )
    axes.step(place[known], sign * best[known], where="post", color="C0", label="best so far")
    axes.set_xlabel("candidates scored")


def _front(axes: Any, result: SearchResult) -> None:
    """Scores over the cost, and the front through its members."""
    cost = str(result.front)
    numbers, sign = result.numbers, _sign(result)
    costs = np.array([member.costs[cost] for member in result.history])
    shown = np.isfinite(numbers)
    axes.plot(
        costs[shown], sign * numbers[shown], ".", color="0.6", markersize=4, label="candidates"
    )
    places = {member.step: place for place, member in enumerate(result.history)}
    front = np.array([places[member.step] for member in result.best])
    axes.step(
        costs[front], sign * numbers[front], "o-", where="post", color="C0", markersize=4,
        label="front",
    )  # fmt: skip
    axes.set_xlabel(f"{cost} ({UNITS.get(cost, 'as given')})", parse_math=False)


def _sign(result: SearchResult) -> float:
    """Turns the numbers back, where a single proxy's lower scores are better."""
    directions = result.proxies.higher_is_better
    return -1.0 if directions == (False,) else 1.0


def _label(result: SearchResult) -> str:
    names = result.proxies.names
    if len(names) == 1:
        return names[0] if _sign(result) > 0 else f"{names[0]} (lower is better)"
    return f"{getattr(result.ensemble, '__name__', 'ensemble')} of {len(names)} proxies"
