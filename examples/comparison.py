"""The table and the plot of optuna_images.py: what each search found, and what it spent."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from optuna.trial import FrozenTrial, TrialState

COLOURS = ("#7f7f7f", "#0072b2")


@dataclass(frozen=True)
class Search:
    """A study that has ended.

    Attributes:
        method: what it is called in the table.
        trials: all, also those whose network was rejected.
        seconds: from its start to its end, all included.
        seconds_scoring: of those, spent on building and scoring candidates.
        scored: networks scored.
    """

    method: str
    trials: Sequence[FrozenTrial]
    seconds: float
    seconds_scoring: float
    scored: int

    @property
    def trained(self) -> list[FrozenTrial]:
        """Trials whose network was trained."""
        return [trial for trial in self.trials if trial.state == TrialState.COMPLETE]

    @property
    def best(self) -> FrozenTrial:
        """Of highest validation accuracy; the first of equals."""
        return max(self.trained, key=lambda trial: trial.value or 0.0)

    @property
    def rejected(self) -> Counter[str]:
        """How many networks were rejected before training, by reason."""
        notes = [
            str(trial.user_attrs["zc_note"])
            for trial in self.trials
            if trial.state == TrialState.PRUNED
        ]
        # "over budget: params 82906 over 50000" -> "over budget: params"; "score too low" likewise
        return Counter(re.sub(r" \S+ over \S+?(?=,|$)|: beats .*", "", note) for note in notes)

    @property
    def seconds_elsewhere(self) -> float:
        """Proposing, counting costs, storing."""
        return self.seconds - self.spent("seconds_training") - self.seconds_scoring

    def spent(self, attribute: str) -> float:
        """Sum of what the trainings cost."""
        return sum(float(trial.user_attrs[attribute]) for trial in self.trained)


def table(searches: Sequence[Search]) -> str:
    """One column a method; over several seeds: the mean, and the lowest and highest accuracy."""
    methods = list(dict.fromkeys(search.method for search in searches))
    reasons = sorted(set().union(*(search.rejected for search in searches)))
    rows: list[tuple[str, Callable[[Search], float], str]] = [
        ("test accuracy of the best network, %", test_accuracy, "range"),
        ("its validation accuracy, %", lambda s: 100 * (s.best.value or 0.0), "range"),
        ("trainings", lambda s: len(s.trained), ",.0f"),
        ("trained epochs", lambda s: s.spent("epochs"), ",.0f"),
        ("seconds in training", lambda s: s.spent("seconds_training"), ",.1f"),
        ("seconds in scoring", lambda s: s.seconds_scoring, ",.1f"),
        ("seconds in all else", lambda s: s.seconds_elsewhere, ",.1f"),
        ("networks scored", lambda s: s.scored, ",.4g"),
        ("networks rejected before training", lambda s: s.rejected.total(), ",.4g"),
        *((f"  {reason}", lambda s, r=reason: s.rejected[r], ",.4g") for reason in reasons),
    ]
    lines = [("", *methods)]
    for title, of, form in rows:
        found = [[of(s) for s in searches if s.method == method] for method in methods]
        lines.append((title, *(written(numbers, form) for numbers in found)))
    first, *others = (max(map(len, column)) for column in zip(*lines, strict=True))
    text = [
        "  ".join([title.ljust(first), *(c.rjust(w) for c, w in zip(cells, others, strict=True))])
        for title, *cells in lines
    ]
    text.insert(1, "-" * len(text[0]))
    return "\n".join([*text, "", verdict(searches, methods)])


def test_accuracy(search: Search) -> float:
    """Of the network that was best in validation, in percent."""
    return 100 * float(search.best.user_attrs["test_accuracy"])


def written(numbers: Sequence[float], form: str) -> str:
    """The mean, and for ``"range"`` the extremes."""
    mean = sum(numbers) / len(numbers)
    if form != "range":
        return f"{mean:{form}}"
    extremes = f" ({min(numbers):.2f} to {max(numbers):.2f})" if len(numbers) > 1 else ""
    return f"{mean:.2f}{extremes}"


def verdict(searches: Sequence[Search], methods: Sequence[str]) -> str:
    """In how many seeds the second method was better on the test images."""
    alone, other = ([test_accuracy(s) for s in searches if s.method == m] for m in methods)
    pairs = list(zip(alone, other, strict=True))
    better, worse = sum(b > a for a, b in pairs), sum(b < a for a, b in pairs)
    if len(pairs) == 1:
        word = "better than" if better else "worse than" if worse else "equal to"
        return (
            f"On the test images {methods[1]} is {word} {methods[0]}. "
            "One seed proves little: --seeds 5"
        )
    return (
        f"On the test images {methods[1]} is better in {better}, equal in "
        f"{len(pairs) - better - worse} and worse in {worse} of {len(pairs)} seeds."
    )


def plot(searches: Sequence[Search], file: Path) -> None:
    """Best validation accuracy so far, against the seconds in training and against all seconds."""
    figure = Figure(figsize=(10, 4.5), dpi=150, layout="constrained")
    axes: Any = figure.subplots(1, 2, sharey=True)
    colours = dict(zip(dict.fromkeys(s.method for s in searches), COLOURS, strict=True))
    for search in searches:
        accuracies = [100 * (trial.value or 0.0) for trial in search.trained]
        best = list(accumulate(accuracies, max))
        gains = [n for n in range(len(best)) if n == 0 or best[n] > best[n - 1]]
        training = accumulate(float(t.user_attrs["seconds_training"]) for t in search.trained)
        elapsed = (float(t.user_attrs["seconds_elapsed"]) for t in search.trained)
        for axis, seconds in zip(axes, (list(training), list(elapsed)), strict=True):
            axis.step(
                seconds,
                best,
                where="post",
                marker="o",
                markevery=[*gains, len(best) - 1],
                color=colours[search.method],
                linewidth=2,
                alpha=1 if len(searches) == 2 else 0.6,
                label=search.method,
            )
    axes[0].set_ylabel("best validation accuracy so far, %")
    axes[0].set_xlabel("seconds in training")
    axes[1].set_xlabel("all seconds, scoring included")
    lowest = min(100 * (search.trained[0].value or 0.0) for search in searches)
    if max(search.best.value or 0.0 for search in searches) > 0.9:
        axes[0].set_yscale("function", functions=(by_error, of_error))
        axes[0].set_yticks([0, 50, 80, 90, 95, 98, 99, 99.5, 100])
        axes[0].yaxis.set_major_formatter("{x:g}")
        axes[0].set_ylim(max(lowest - 5, 0), 100)
    for axis in axes:
        axis.set_xlim(left=0)
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    handles, labels = axes[0].get_legend_handles_labels()
    legend = dict(zip(labels, handles, strict=True))
    figure.legend(
        legend.values(), legend.keys(), loc="outside upper center", ncols=2, frameon=False
    )
    figure.savefig(file)


def by_error(accuracy: Any) -> Any:
    """Stretches the last percents, in which most of a search happens; finite at 100 %."""
    return -np.log(np.maximum(100.3 - accuracy, 1e-3))


def of_error(height: Any) -> Any:
    """The inverse."""
    return 100.3 - np.exp(-height)
