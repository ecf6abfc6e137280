"""What Kendall's tau is like before anything is trained: the priors of ``zc_plugins.trust``.

    python -m benchmarks.prior

Reads ``results/every_proxy.csv``. Each space weighs the same, and each task within a space. Left
out: the half of NAS-Bench-201 on which recipes were chosen, and repeated rows of a scorer.
"""

from __future__ import annotations

import csv
from collections import defaultdict

import numpy as np

from benchmarks.scores import RESULTS
from zc_plugins._shapes import ndarray

KINDS = {
    "ensemble": ("recipe az_nas", "recipe az_nas_vit", "recipe best_training_free"),
    "params": ("params",),
}
"""What counts as which; every other scorer that is no recipe is a proxy."""


def taus() -> dict[str, dict[str, ndarray]]:
    """Tau of all scorers on all tasks, by kind and space."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with (RESULTS / "every_proxy.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            kinds = [kind for kind, names in KINDS.items() if row["scorer"] in names]
            if not kinds and not row["scorer"].startswith("recipe"):
                kinds = ["proxy"]
            space = row["population"].removesuffix(" reporting")
            if kinds and not space.endswith("choosing") and row["tau"] not in ("", "nan"):
                # CIFAR-10's and ImageNet's networks are cells of one space.
                space = "nasbench201" if space.startswith("nasbench201") else space
                found[kinds[0]][space].append(float(row["tau"]))
    return {k: {s: np.array(v) for s, v in spaces.items()} for k, spaces in found.items()}


def prior(by_space: dict[str, ndarray]) -> tuple[float, float]:
    """Mean and standard deviation of atanh(tau) over the tasks, each space of equal weight."""
    scaled = [np.arctanh(values) for values in by_space.values()]
    mean = float(np.mean([values.mean() for values in scaled]))
    return mean, float(np.sqrt(np.mean([((values - mean) ** 2).mean() for values in scaled])))


def main() -> None:
    for kind, by_space in taus().items():
        mean, deviation = prior(by_space)
        print(
            f"{kind}: atanh(tau) {mean:.3f} ± {deviation:.3f}; {len(by_space)} spaces, "
            f"{sum(map(len, by_space.values()))} taus"
        )


if __name__ == "__main__":
    main()
