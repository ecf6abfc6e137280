"""Regret over the budget on NAS-Bench-201, as a picture.

python -m benchmarks.search.plot
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import matplotlib.figure
import numpy as np

from benchmarks.search.kept import Kept
from zc_plugins.report.curves import band, by_method, read_curves, regrets
from zc_plugins.tables.nasbench201 import DATASETS

SHOWN = {
    "random": ("0.6", "--"),
    "tpe": ("C0", "--"),
    "tpe+halving": ("C1", "--"),
    "evolution": ("C2", "--"),
    "tpe+enqueue": ("C0", "-"),
    "tpe+halving+sampler": ("C1", "-"),
    "filter_then_train:az_nas": ("C4", "-"),
    "filter_then_train+halving:complexity": ("C5", "-"),
    "picks": ("C3", "-"),
    "picks_by_size": ("0.2", ":"),
}
"""Colour and line by method: dashed without scores, dotted without training-free proxies."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--results", type=Path, default=Kept.default())
    arguments = parser.parse_args()
    figure = matplotlib.figure.Figure((12, 4.8), layout="constrained")
    for axes, dataset in zip(figure.subplots(1, len(DATASETS)), DATASETS, strict=True):
        draw(axes, Kept(arguments.results, f"nasbench201-{dataset}"))
        axes.set_title(dataset)
    figure.axes[0].set_ylabel("regret, points of test accuracy")
    lines, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside lower center", ncols=5, frameon=False)
    figure.savefig(arguments.results / "nasbench201.png", dpi=90)


def draw(axes: Any, kept: Kept) -> None:
    """Mean regret of the methods shown, with 95 % bootstrap bands, over mean trainings' seconds."""
    unit = kept.facts()["mean_seconds"]
    curves = by_method(read_curves(kept.curves))[kept.problem]
    places = np.geomspace(1, 100, 200)
    for name, (colour, style) in SHOWN.items():
        if name in curves:
            # No search is shown beyond its end.
            spent = places[places * unit <= min(curve.seconds[-1] for curve in curves[name])]
            mean, low, high = band(regrets(curves[name], spent * unit, "seconds"))
            axes.plot(spent, mean, color=colour, linestyle=style, label=name)
            axes.fill_between(spent, low, high, color=colour, alpha=0.12, linewidth=0)
    axes.set_xscale("log")
    axes.set_yscale("log", nonpositive="clip")
    axes.set_xlabel("seconds, in mean trainings")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92")


if __name__ == "__main__":
    main()
