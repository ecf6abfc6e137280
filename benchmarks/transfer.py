"""How well what was learned on one data set, or space, serves another.

    python -m benchmarks.transfer --data ../shared/data

Predictors of 156 CIFAR-10 validation accuracies rank 600 NAS-Bench-201 cells by their CIFAR-100
and ImageNet16-120 test accuracies, as they are and corrected by validation accuracies there. Those
of 60 vision transformers distilled on CIFAR-100 rank others by their accuracies on Flowers,
Chaoyang and ImageNet. Those of 781 cells rank transformers: layers and parameters are others there,
so that they read nothing but scores, each as the one of the same rank among cells. Statistics are
of one network an architecture, whatever the data set; no network is in two of the sets of a split.
Writes ``benchmarks/results/transfer.csv`` and ``.json``, in which lines of spaces that a call does
not measure stay.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import nodewise
from benchmarks.predictors import RESULTS, TRANSFORMERS, add, labelled
from benchmarks.provenance import provenance
from benchmarks.rankers import METHODS as RANKERS
from zc_plugins._shapes import ndarray
from zc_plugins.predictors import Fitted, Predictor
from zc_plugins.predictors._translated import Translated
from zc_plugins.predictors.committee import committee
from zc_plugins.predictors.ridge import ridge
from zc_plugins.predictors.warm_start import warm_start
from zc_plugins.ranking import kendall_tau
from zc_plugins.scores import ScoreTable


@dataclass(frozen=True, eq=False)
class Space:
    """Networks with accuracies on several data sets.

    Attributes:
        table: their statistics, which serve for all data sets.
        labels: by data set, what is learned; shape (candidates,).
        truth: by data set, what is ranked.
        first: where the predictor comes from.
        there: labels on it.
        here: labels on another data set.
    """

    table: ScoreTable
    labels: Mapping[str, ndarray]
    truth: Mapping[str, ndarray]
    first: str
    there: int
    here: Sequence[int]


def cells(data: str | None) -> Space:
    """NAS-Bench-201's, with the statistics of CIFAR-10 networks."""
    table, labels, truth = nodewise.read(), {}, {}
    for dataset in ("cifar10", "cifar100", "imagenet16-120"):
        labels[dataset], truth[dataset] = labelled(dataset, data, table.candidates)
    return Space(table, labels, truth, "cifar10", 156, (10, 30, 78))


def transformers(data: str | None) -> Space:
    """ViT-Bench-101's; one accuracy each, so that labels are of the same kind."""
    table = nodewise.read("vitbench101")
    of_all = {name: labelled(name, data, table.candidates)[1] for name in TRANSFORMERS}
    return Space(table, of_all, of_all, "c100_kd", 60, (10, 30, 78))


RANKED = 600
"""Networks that a predictor is judged by, at most: reading their vectors takes most of the time."""

SPACES: Mapping[str, Callable[[str | None], Space]] = {
    "nasbench201": cells,
    "vitbench101": transformers,
}
ACROSS = "nasbench201 to vitbench101"
METHODS: Mapping[str, Mapping[str, Callable[[int], Predictor]]] = {
    "nasbench201": {
        "committee": lambda seed: committee(seed=seed),
    },
    "vitbench101": {
        "committee": lambda seed: committee(seed=seed),
        "ridge: scores": lambda _: ridge(["scores"]),
    },
}


CELLS = 781
"""Trained, where they serve transformers: what is learned of cells is not what is dear there."""

CARRIED = {
    "ridge: scores": "ridge: scores",
    "random forest: scores": "random forest: scores",
    "gaussian process": "ridge: scores",
    "committee": "ridge: scores",
}
"""Predictors of transformers, and of cells by which they are warm-started: of ``RANKERS``."""


def carried_taus(
    of_cells: Space, space: Space, predictor: str, seed: int
) -> Iterator[tuple[str, str, int, float]]:
    """As ``split_taus``, with predictors of cells and of transformers."""
    common = [name for name in space.table.proxies if name in of_cells.table.proxies]
    order = np.random.default_rng(seed).permutation(len(of_cells.table))[:CELLS]
    there = of_cells.table.rows(order.tolist()).only(common)
    make = RANKERS[CARRIED[predictor]]
    elsewhere = make(seed, there).fit(there, of_cells.labels[of_cells.first][order])
    places = np.random.default_rng(seed).permutation(len(space.table))
    local, rest = np.split(places, [max(space.here)])
    others = space.table.rows(rest.tolist())
    alone = Translated(elsewhere, there, space.table).predict(others).mean
    here = RANKERS[predictor](seed, space.table)
    warm = warm_start(elsewhere, here, there=there, population=space.table)
    for dataset, truth in space.truth.items():
        yield dataset, "fitted elsewhere", 0, kendall_tau(alone, truth[rest])
        for labels in space.here:
            mine = local[:labels]
            table, accuracy = space.table.rows(mine.tolist()), space.labels[dataset][mine]
            for way, maker in (("fitted here", here), ("warm start", warm)):
                found = maker.fit(table, accuracy).predict(others).mean
                yield dataset, way, labels, kendall_tau(found, truth[rest])


def split_taus(
    space: Space, predictor: Predictor, seed: int
) -> Iterator[tuple[str, str, int, float]]:
    """Data set, way, labels there, and tau with the truth, of one split."""
    order = [int(row) for row in np.random.default_rng(seed).permutation(len(space.table))]
    first, local, rest = np.split(np.array(order), [space.there, space.there + max(space.here)])
    rest = rest[:RANKED]
    others = space.table.rows(rest.tolist())

    def fitted(maker: Predictor, rows: ndarray, dataset: str) -> Fitted:
        return maker.fit(space.table.rows(rows.tolist()), space.labels[dataset][rows])

    def tau(found: Fitted, dataset: str) -> float:
        return kendall_tau(found.predict(others).mean, space.truth[dataset][rest])

    elsewhere = fitted(predictor, first, space.first)
    foretold = elsewhere.predict(others).mean
    for dataset, truth in space.truth.items():
        yield dataset, "fitted elsewhere", 0, kendall_tau(foretold, truth[rest])
        if dataset == space.first:
            continue
        for labels in space.here:
            mine = local[:labels]
            yield dataset, "fitted here", labels, tau(fitted(predictor, mine, dataset), dataset)
            warm = fitted(warm_start(elsewhere, predictor), mine, dataset)
            yield dataset, "warm start", labels, tau(warm, dataset)


def taus(
    name: str, data: str | None, seeds: Sequence[int]
) -> Iterator[tuple[str, Iterator[tuple[str, str, int, float]]]]:
    """Method, and what it found on one split."""
    if name == ACROSS:
        both = cells(data), transformers(data)
        yield from ((m, carried_taus(*both, m, seed)) for m in CARRIED for seed in seeds)
    else:
        space = SPACES[name](data)
        for method, make in METHODS[name].items():
            yield from ((method, split_taus(space, make(seed), seed)) for seed in seeds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data")
    parser.add_argument("--spaces", nargs="+", choices=[*SPACES, ACROSS], default=[*SPACES, ACROSS])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--to", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    told = {"seeds": list(seeds), **provenance()}
    found: dict[tuple[str, str, str, str, int], list[float]] = {}
    for name in arguments.spaces:
        for method, of_split in taus(name, arguments.data, seeds):
            for dataset, way, labels, tau in of_split:
                found.setdefault((name, method, dataset, way, labels), []).append(tau)
            add(_lines(found), told, arguments.to / "transfer.csv", _place)
    print(json.dumps({**told, "rows": _lines(found)}))


def _place(line: Mapping[str, Any]) -> tuple[int, ...]:
    return ([*SPACES, ACROSS].index(line["space"]),)


def _lines(
    found: Mapping[tuple[str, str, str, str, int], Sequence[float]],
) -> list[dict[str, Any]]:
    heads = ("space", "method", "dataset", "way", "labels")
    return [
        {
            **dict(zip(heads, key, strict=True)),
            "splits": len(taus),
            "tau": round(float(np.mean(taus)), 4),
            "standard_error": round(float(np.std(taus, ddof=1) / np.sqrt(len(taus))), 4)
            if len(taus) > 1
            else "",
        }
        for key, taus in found.items()
    ]


if __name__ == "__main__":
    main()
