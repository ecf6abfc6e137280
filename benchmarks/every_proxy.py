"""Rank correlation of every proxy and recipe with trained accuracy, on every table.

    python -m benchmarks.every_proxy --data ../shared/data

Reads the scores that ``benchmarks.shelf`` has kept, and writes ``results/every_proxy.csv`` and
``results/every_proxy.png``. Against test accuracy (the tasks' own metrics in TransNAS-Bench-101).
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pool import made
from benchmarks.populations import POPULATIONS
from benchmarks.provenance import provenance
from benchmarks.scores import RESULTS, read_from
from zc_plugins._shapes import ndarray
from zc_plugins.proxies import SHELF
from zc_plugins.ranking import bootstrap, kendall_tau, spearman_rho
from zc_plugins.scores import ScoreTable

RECIPES = ("az_nas", "az_nas_vit", "best_training_free", "size")
THOUSAND = 1000
COLUMNS = (
    "population", "task", "scorer", "networks", "scored", "tau", "low", "high", "rho",
    "pick",
)  # fmt: skip


def rows(kept: Path, data: str) -> Iterator[dict[str, Any]]:
    """Correlations of each column and each recipe that the kept scores allow."""
    setting = json.loads(kept.with_name(kept.name.replace(".csv.gz", ".json")).read_text())
    population, half = setting["population"], setting["half"]
    rng = np.random.default_rng(setting["seed"])
    architectures, accuracies = POPULATIONS[population].draw(
        data, setting["architectures"], rng, half
    )
    table = read_from(kept)
    if list(table.candidates) != architectures:
        raise SystemExit(f"{kept} holds other architectures than the table: score them anew")
    if setting.get("recipe"):
        found = of_recipe(setting["recipe"], table)
    else:
        found = list(numbers_of(table, POPULATIONS[population].initialisation))
    for scorer, numbers in found:
        for task, accuracy in accuracies.items():
            yield {
                "population": f"{population}{' ' * bool(half)}{half}",
                "task": task,
                "scorer": scorer,
                **correlation(numbers, accuracy),
            }


def of_recipe(recipe: str, table: ScoreTable) -> list[tuple[str, ndarray]]:
    """The recipe's numbers, and those of the first thousand networks alone where more are kept."""
    aggregate, name = made(recipe).aggregate, f"recipe {recipe}"
    found = [(name, aggregate(table))]
    if len(table.candidates) > THOUSAND:
        found.append((f"{name}, first {THOUSAND}", aggregate(table.rows(range(THOUSAND)))))
    return found


def correlation(numbers: ndarray, accuracy: ndarray) -> dict[str, Any]:
    """Correlation of numbers, of shape (networks,), with as many accuracies; NaN ranks last."""
    accuracy = accuracy[: len(numbers)]
    known = np.isfinite(accuracy)
    ranked = np.where(np.isnan(numbers[known]), -np.inf, numbers[known])
    tau = bootstrap(kendall_tau, ranked, accuracy[known])
    return {
        "networks": int(known.sum()),
        "scored": int(np.isfinite(numbers[known]).sum()),
        "tau": round(tau.value, 4),
        "low": round(tau.low, 4),
        "high": round(tau.high, 4),
        "rho": round(spearman_rho(ranked, accuracy[known]), 4),
        "pick": round(float(accuracy[known][int(np.argmax(ranked))]), 3),
    }


def numbers_of(
    table: ScoreTable, initialisation: str = "kaiming_normal"
) -> Iterator[tuple[str, ndarray]]:
    """Each proxy's oriented numbers, then each recipe's; higher is better, NaN ranks last.

    A recipe with another initialisation or number of draws than the kept scores is left out.
    """
    for name in table.proxies:
        sign = 1 if SHELF[name].higher_is_better else -1
        yield name, sign * table.column(name)
    for recipe in RECIPES:
        scorer = made(recipe)
        names = [proxy.name for proxy in scorer.proxies]
        excitation = scorer.excitation
        alike = excitation.initialisation == initialisation and excitation.repeats == 1
        if alike and set(names) <= set(table.proxies):
            yield f"recipe {recipe}", scorer.aggregate(table.only(names))


def plot(results: list[dict[str, Any]], to: Path) -> None:
    """A map of tau: scorers down, tasks across."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    tasks = list(dict.fromkeys((row["population"], row["task"]) for row in results))
    found = {(row["scorer"], row["population"], row["task"]): row["tau"] for row in results}
    scorers = list(dict.fromkeys(row["scorer"] for row in results))
    values = np.array([[found.get((s, *task), np.nan) for task in tasks] for s in scorers])
    order = np.argsort(-np.nanmean(values, axis=1))
    figure, axes = plt.subplots(figsize=(3 + 0.62 * len(tasks), 2 + 0.3 * len(scorers)))
    axes.imshow(values[order], cmap="RdYlGn", vmin=-0.8, vmax=0.8, aspect="auto")
    axes.set_xticks(
        range(len(tasks)), [f"{p}\n{t}" if t not in p else p for p, t in tasks],
        rotation=60, ha="right", fontsize=7,
    )  # fmt: skip
    axes.set_yticks(range(len(scorers)), [scorers[place] for place in order], fontsize=8)
    for y, place in enumerate(order):
        for x in range(len(tasks)):
            if np.isfinite(values[place, x]):
                text = f"{values[place, x]:.2f}".replace("0.", ".")
                axes.text(x, y, text, ha="center", va="center", fontsize=6.5)
    axes.set_title("Kendall's tau with trained accuracy, training-free scores", fontsize=10)
    figure.tight_layout()
    figure.savefig(to, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", default="../shared/data", help="folder of the tables")
    parser.add_argument("--out", type=Path, default=RESULTS / "every_proxy.csv")
    arguments = parser.parse_args()
    results: list[dict[str, Any]] = []
    for kept in sorted((RESULTS / "shelf").glob("*.csv.gz")):
        results.extend(rows(kept, arguments.data))
    with arguments.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(results)
    plot(results, arguments.out.with_suffix(".png"))
    print(json.dumps({"rows": len(results), **provenance()}))


if __name__ == "__main__":
    main()
