"""Regret curves of searches, and what they come to."""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument

COLUMNS = ("problem", "method", "seed", "seconds", "trainings", "regret")
"""Of the long format: a line for each change of the regret, and one for the end of the search."""


@dataclass(frozen=True, eq=False)
class Curve:
    """The regret of one search as it goes on; it holds from each point to the next one.

    Attributes:
        problem: what was searched.
        method: how.
        seed: of the search.
        seconds: shape (points,), spent so far, ascending.
        trainings: shape (points,), done so far, ascending.
        regret: shape (points,), of the incumbent, 0 at best.
    """

    problem: str
    method: str
    seed: int
    seconds: Float[ndarray, " points"]
    trainings: Float[ndarray, " points"]
    regret: Float[ndarray, " points"]

    def at(self, places: Float[ndarray, " places"], axis: str) -> Float[ndarray, " places"]:
        """The regret after so many ``"seconds"`` or ``"trainings"``; NaN before the first point."""
        known: ndarray = getattr(self, axis)
        last = np.searchsorted(known, places, side="right") - 1
        return np.where(last < 0, np.nan, self.regret[last])


def read_curves(path: str | Path) -> list[Curve]:
    """The curves of a file of comma-separated values, of one that is gzipped, or of a folder.

    Args:
        path: the columns of ``COLUMNS`` are read, others are passed over; so are a folder's files
            without these columns.

    Raises:
        InvalidArgument: if there is no such file, or it has no curves, or a number is none.
    """
    path = Path(path)
    if not path.exists():
        raise InvalidArgument(f"{str(path)!r} is not there: pass a file or folder of curves")
    files = sorted([*path.glob("*.csv"), *path.glob("*.csv.gz")]) if path.is_dir() else [path]
    found = [curve for file in files for curve in _read(file, required=not path.is_dir())]
    if not found:
        raise InvalidArgument(f"{str(path)!r} has no curves: pass columns {', '.join(COLUMNS)}")
    return found


def _read(file: Path, required: bool) -> Iterator[Curve]:
    opened = gzip.open if file.suffix == ".gz" else open
    points: dict[tuple[str, str, int], list[tuple[float, ...]]] = {}
    try:
        with opened(file, "rt", encoding="utf-8", newline="") as text:
            reader = csv.DictReader(text)
            if not set(COLUMNS) <= set(reader.fieldnames or ()):
                if required:
                    raise InvalidArgument(
                        f"{str(file)!r} has columns {reader.fieldnames}: pass {', '.join(COLUMNS)}"
                    )
                return
            for line in reader:
                numbers = tuple(float(line[name]) for name in COLUMNS[3:])
                key = (line["problem"], line["method"], int(line["seed"]))
                points.setdefault(key, []).append(numbers)
    except (OSError, EOFError, UnicodeDecodeError, ValueError, TypeError) as error:
        if isinstance(error, InvalidArgument):
            raise
        raise InvalidArgument(f"{str(file)!r} cannot be read ({error})") from error
    for (problem, method, seed), rows in points.items():
        seconds, trainings, regret = np.array(rows).T
        if not np.isfinite(rows).all() or (np.diff(seconds) < 0).any():
            raise InvalidArgument(
                f"{str(file)!r}, {problem}, {method}, seed {seed}: pass finite numbers, seconds "
                "ascending"
            )
        yield Curve(problem, method, seed, seconds, trainings, regret)


def regrets(
    curves: Sequence[Curve], places: Float[ndarray, " places"], axis: str
) -> Float[ndarray, "seeds places"]:
    """One row a curve; a search that has ended keeps its last regret."""
    return np.array([curve.at(places, axis) for curve in curves])


def band(
    values: Float[ndarray, "seeds places"], draws: int = 1000, seed: int = 0
) -> tuple[Float[ndarray, " places"], Float[ndarray, " places"], Float[ndarray, " places"]]:
    """The mean over seeds and the ends of its 95 % bootstrap interval."""
    counts = np.random.default_rng(seed).multinomial(
        len(values), [1 / len(values)] * len(values), draws
    )
    means = counts @ values / len(values)
    low, high = np.quantile(means, (0.025, 0.975), axis=0)
    return values.mean(0), low, high


def area(curve: Curve, start: float, end: float) -> float:
    """The mean regret over the logarithm of seconds from ``start`` to ``end``: lower is better.

    NaN if the search had no regret yet at ``start``; the regret there if it is the end too.
    """
    if start >= end:
        return float(curve.at(np.array([start], float), "seconds")[0])
    inside = curve.seconds[(curve.seconds > start) & (curve.seconds < end)]
    edges = np.log([start, *inside, end])
    heights = curve.at(np.array([start, *inside], float), "seconds")
    return float((heights * np.diff(edges)).sum() / (edges[-1] - edges[0]))


def seconds_to_reach(curves: Sequence[Curve], regret: float) -> float:
    """Seconds until the mean curve over seeds is at most ``regret``; infinite if it never is."""
    times = np.unique(np.concatenate([curve.seconds for curve in curves]))
    reached = np.flatnonzero(regrets(curves, times, "seconds").mean(0) <= regret + 1e-12)
    return float(times[reached[0]]) if len(reached) else math.inf


def by_method(curves: Iterable[Curve]) -> dict[str, dict[str, list[Curve]]]:
    """Curves by problem, then by method, in ascending order of seeds."""
    found: dict[str, dict[str, list[Curve]]] = {}
    for curve in sorted(curves, key=lambda curve: curve.seed):
        found.setdefault(curve.problem, {}).setdefault(curve.method, []).append(curve)
    return found
