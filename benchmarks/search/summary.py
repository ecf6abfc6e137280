"""Regret at given budgets, areas under the curves, and seconds to reach given regrets."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.search.kept import Kept
from benchmarks.search.methods import METHODS, TRAINED
from zc_plugins._shapes import ndarray
from zc_plugins.report.curves import Curve, area, regrets, seconds_to_reach

UNITS = (1, 5, 10, 30, 50, 100)
"""Budgets in mean seconds of a whole training."""

WHOLE = (1, 5, 10, 30, 50)
"""Budgets in whole trainings."""

TARGETS = (1.0, 0.5, 0.1)
"""Regrets in percentage points, of tables of accuracies."""

Curves = dict[str, dict[int, Curve]]


def write(folder: Path, problems: Sequence[str]) -> list[dict[str, Any]]:
    """Write the three tables of the kept curves; the rows of ``summary.csv``."""
    rows: list[dict[str, Any]] = []
    reached: list[dict[str, Any]] = []
    spent: list[dict[str, Any]] = []
    for name in problems:
        kept = Kept(folder, name)
        if kept.curves.exists():
            curves, whole = _curves(kept)
            rows += summary(name, curves, whole, kept.facts())
            reached += reach(name, curves, kept.facts())
            spent += ends(name, curves, whole, kept.facts())
    tables = {"summary.csv": rows, "seconds_to_reach.csv": reached, "ends.csv": spent}
    for file, found in tables.items():
        if found:
            with (folder / file).open("w", newline="") as text:
                writer = csv.DictWriter(text, found[0], lineterminator="\n")
                writer.writeheader()
                writer.writerows(found)
    return rows


def summary(
    problem: str, curves: Curves, whole: Curves, facts: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Mean regret of each method and budget, and the paired gain over its base.

    Args:
        problem: its name.
        curves: by method and seed; their count is that of all trainings.
        whole: the same with the count of whole trainings.
        facts: of the problem.
    """
    unit, end = facts["mean_seconds"], max(made["units"] for made in facts["runs"])
    for method in curves:
        base = METHODS[method].base
        for count in UNITS:
            mine, theirs = (
                _at(curves.get(name, {}), count * unit, "seconds") for name in (method, base)
            )
            yield from _row(problem, method, base, "units", count, mine, theirs)
        for count in WHOLE:
            mine, theirs = (_at(whole.get(name, {}), count, "trainings") for name in (method, base))
            yield from _row(problem, method, base, "whole", count, mine, theirs)
        mine, theirs = (
            {seed: area(curve, unit, end * unit) for seed, curve in curves.get(name, {}).items()}
            for name in (method, base)
        )
        yield from _row(problem, method, base, "area", end, mine, theirs)


def reach(problem: str, curves: Curves, facts: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Seconds until each method's mean curve reaches a regret, and the factor saved.

    The factor compares with the fastest method without scores.
    """
    unit = facts["mean_seconds"]
    trained = [method for method in curves if method in TRAINED]
    of = {method: list(by_seed.values()) for method, by_seed in curves.items()}
    targets = {f"{t:g}": t for t in TARGETS if "percent" in facts["metric"]}
    for count in (10, 30):
        at = [regrets(of[m], np.array([count * unit]), "seconds").mean() for m in trained]
        if at:
            targets[f"best_trained_at_{count}_units"] = float(min(at))
    for name, target in targets.items():
        if target >= facts["blind_regret"]:
            continue  # nothing has to be searched for that
        seconds = {method: seconds_to_reach(of[method], target) for method in curves}
        fastest = min((seconds[method] for method in trained), default=math.inf)
        for method, spent in seconds.items():
            known = math.isfinite(spent)
            yield {
                "problem": problem, "target": name, "regret": f"{target:.4g}", "method": method,
                "units": f"{spent / unit:.3g}" if known else "",
                "seconds": f"{spent:.0f}" if known else "",
                "times_faster_than_best_trained":
                    f"{fastest / spent:.3g}" if known and math.isfinite(fastest) else "",
            }  # fmt: skip


def ends(
    problem: str, curves: Curves, whole: Curves, facts: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """What each method's searches had spent when they ended, means over the seeds."""
    for method, by_seed in curves.items():
        last = [
            (curve.seconds[-1], curve.trainings[-1], whole[method][seed].trainings[-1])
            for seed, curve in by_seed.items()
        ]
        seconds, begun, ended = np.array(last, dtype=float).mean(axis=0)
        yield {
            "problem": problem, "method": method, "seeds": len(last),
            "units": f"{seconds / facts['mean_seconds']:.4g}",
            "trainings": f"{begun:.4g}", "whole": f"{ended:.4g}",
        }  # fmt: skip


def _curves(kept: Kept) -> tuple[Curves, Curves]:
    """The curves of a file, with the count of all trainings, and with that of whole ones."""
    lines: dict[tuple[str, int], list[list[float]]] = {}
    for row in kept.rows():
        key = (row[1], int(row[2]))
        lines.setdefault(key, []).append([float(number) for number in row[3:]])
    every: Curves = {}
    whole: Curves = {}
    for (method, seed), rows in lines.items():
        seconds, trainings, ended, regret = np.array(rows).T
        for to, count in ((every, trainings), (whole, ended)):
            to.setdefault(method, {})[seed] = Curve(
                kept.problem, method, seed, seconds, count, regret
            )
    return every, whole


def _at(curves: dict[int, Curve], place: float, axis: str) -> dict[int, float]:
    """By seed, the regret of those searches that went so far."""
    return {
        seed: float(curve.at(np.array([place], float), axis)[0])
        for seed, curve in curves.items()
        if getattr(curve, axis)[-1] >= place
    }


def _row(
    problem: str,
    method: str,
    base: str,
    budget: str,
    count: int,
    mine: dict[int, float],
    theirs: dict[int, float],
) -> Iterator[dict[str, Any]]:
    """One line; none if a part of the seeds did not go so far, since the rest would be chosen."""
    if len(mine) < 2 or len(mine) < len(theirs) * 0.9:
        return
    values = np.array(list(mine.values()))
    both = [seed for seed in mine if seed in theirs]
    gain = np.array([theirs[seed] - mine[seed] for seed in both])
    yield {
        "problem": problem, "method": method, "budget": budget, "count": count,
        "seeds": len(values), "regret": f"{values.mean():.4g}",
        "standard_error": f"{stats.sem(values):.3g}", "base": base, **_gain(gain),
    }  # fmt: skip


def _gain(gain: ndarray) -> dict[str, str]:
    if len(gain) < 2:
        return {"gain": "", "gain_standard_error": "", "p_of_no_difference": ""}
    p = float(stats.ttest_1samp(gain, 0)[1]) if gain.any() else 1.0
    return {
        "gain": f"{gain.mean():.4g}",
        "gain_standard_error": f"{stats.sem(gain):.3g}",
        "p_of_no_difference": f"{p:.3g}",
    }
