"""Proxies evolved on some networks, on others: against hand-made ones, size and the best ensemble.

    python -m benchmarks.evolve --data ../shared/data

Takes the statistics into the folder of banks first, which it keeps, and judges on networks that
neither fitness nor the choice has seen. Each course is evolved with 5 seeds, which draw other
training networks too: on each space alone, and on all. Writes
``results/evolve.csv`` (one row a course, seed, space and scorer), ``results/evolve_proxies.csv``
(what was found) and ``results/evolve.json``. Hand-made scores are those that other benchmarks keep
of the same networks, at the batch sizes that stand there.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.evolving.grounds import GROUNDS
from benchmarks.evolving.grounds import Ground as Known
from benchmarks.pool import made
from benchmarks.provenance import provenance
from benchmarks.scores import RESULTS
from zc_plugins._shapes import Float, ndarray
from zc_plugins.discovery.bank import Bank
from zc_plugins.discovery.evolution import Evolution
from zc_plugins.discovery.evolve import Settings, evolve
from zc_plugins.discovery.fitness import Fitness, OverGrounds
from zc_plugins.discovery.genome import Breeder, program
from zc_plugins.discovery.ground import Ground
from zc_plugins.discovery.published import published
from zc_plugins.proxies import SHELF
from zc_plugins.ranking import kendall_tau
from zc_plugins.scores import ScoreTable

SHARES = {"nasbench201": (80, 40), "nasbench101": (80, 30), "others": (40, 12)}
"""Networks to evolve on and to choose by; the rest judges."""


@dataclass(frozen=True)
class Place:
    """One space's networks: accuracy, statistics and kept scores, in one order."""

    bank: Bank
    accuracy: Float[ndarray, " networks"]
    kept: ScoreTable

    @staticmethod
    def of(known: Known, banks: Path, data: str) -> Place:
        """Read or made."""
        return Place(known.bank(banks, data), known.drawn(data)[1], known.kept())

    @property
    def params(self) -> Float[ndarray, " networks"]:
        """Of each network."""
        return self.kept.column("params")

    def ground(self, name: str, seed: int) -> tuple[Ground, ndarray]:
        """What a course sees, and the places of the networks that judge it.

        Cells of NAS-Bench-201 that compute the same stand on one side only.
        """
        training, choosing = SHARES.get(name, SHARES["others"])
        names = np.array(self.bank.networks)
        order = np.random.default_rng(seed).permutation(len(names))
        _, first = np.unique(names[order], return_index=True)
        order = order[np.sort(first)]
        seen = order[:training], order[training : training + choosing]
        return (
            Ground(self.bank, self.accuracy, self.params, *seen),
            order[training + choosing :],
        )


def courses(names: list[str]) -> Mapping[str, tuple[tuple[str, ...], OverGrounds]]:
    """Name of a course to the spaces that it evolves on, and how it takes them together."""
    found: dict[str, tuple[tuple[str, ...], OverGrounds]] = {n: ((n,), "minimum") for n in names}
    if len(names) > 1:
        found["all, minimum"] = tuple(names), "minimum"
        found["all, mean"] = tuple(names), "mean"
    return found


def hand_made(place: Place) -> dict[str, Float[ndarray, " networks"]]:
    """Oriented scores of each kept proxy, of the best ensemble, and both readings of EZNAS-A."""
    kept = place.kept
    found = {
        name: (1 if SHELF[name].higher_is_better else -1) * kept.column(name)
        for name in kept.proxies
    }
    for reading in ("paper", "code"):
        found[f"eznas_a, {reading}"] = place.bank.scores(
            published("eznas_a", reading), reduce="mean"
        )
    return found


def judged(
    place: Place, judges: ndarray, evolved: Float[ndarray, " networks"]
) -> Iterator[tuple[str, float]]:
    """Scorer and Kendall's tau on the judging networks; NaN ranks last."""
    accuracy = place.accuracy[judges]
    for scorer, scores in hand_made(place).items():
        yield scorer, kendall_tau(scores[judges], accuracy)
    yield "evolved", kendall_tau(evolved[judges], accuracy)
    names = [proxy.name for proxy in made("best_training_free").proxies]
    if set(names) <= set(place.kept.proxies):
        table = place.kept.only(names).rows(judges.tolist())
        yield "best_training_free", kendall_tau(_aggregate(table), accuracy)
        joined = _with(table, evolved[judges])
        yield "best_training_free + evolved", kendall_tau(_aggregate(joined), accuracy)


def _aggregate(table: ScoreTable) -> Float[ndarray, " networks"]:
    return made("best_training_free").aggregate(table)


def _with(table: ScoreTable, scores: Float[ndarray, " networks"]) -> ScoreTable:
    """The table with one more proxy."""
    return ScoreTable(
        table.candidates,
        np.column_stack([table.values, scores]),
        [*table.proxies, "evolved"],
        [*table.higher_is_better, True],
        degenerate=table.degenerate,
    )


def speed(place: Place, seconds: float = 5.0) -> float:
    """Programs judged in a second of one core, over 80 networks and 4 splits."""
    import random

    ground, _ = place.ground("nasbench201", 0)
    fitness = Fitness([ground])
    breeder = Breeder(place.bank.columns, random.Random(0))
    programs = [program(breeder.fresh()) for _ in range(1000)]
    fitness(*programs[0])
    start, done = time.process_time(), 0
    while time.process_time() - start < seconds:
        fitness(*programs[done % len(programs)])
        done += 1
    return done / (time.process_time() - start)


def run(
    places: Mapping[str, Place], course: str, seed: int, generations: int, settings: Settings
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """One evolution's rows by space and scorer, and what it has found."""
    used, over_grounds = courses(list(places))[course]
    grounds = {name: place.ground(name, seed) for name, place in places.items()}
    start = time.process_time()
    evolution: Evolution = evolve(
        [grounds[name][0] for name in used],
        replace(settings, over_grounds=over_grounds),
        generations=generations,
        seed=seed,
        show_progress=False,
    )
    spent = time.process_time() - start
    best, rows = evolution.best, list[dict[str, Any]]()
    for name, place in places.items():
        judges = grounds[name][1]
        scores = place.bank.scores(best.expression, reduce=best.reduce)
        for scorer, tau in judged(place, judges, scores):
            rows.append(
                {
                    "course": course,
                    "seed": seed,
                    "space": name,
                    "used": name in used,
                    "judges": len(judges),
                    "scorer": scorer,
                    "tau": round(float(np.nan_to_num(tau)), 4),
                }
            )
    return rows, {
        "course": course,
        "seed": seed,
        "reduce": best.reduce,
        "expression": str(best.expression),
        "training_tau": round(best.tau, 4),
        "choosing_tau": round(float(np.mean(best.held_out)), 4),
        "judged_programs": sum(generation.judged for generation in evolution.history),
        "cpu_seconds": round(spent, 1),
    }


def summary(rows: list[dict[str, Any]]) -> list[tuple[str, str, str, float, float]]:
    """Course, space, scorer, mean tau over seeds and its standard deviation, the best first."""
    by: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for row in rows:
        by[row["course"], row["space"], row["scorer"]].append(row["tau"])
    found = [(*key, float(np.mean(taus)), float(np.std(taus))) for key, taus in by.items()]
    return sorted(found, key=lambda entry: (entry[0], entry[1], -entry[3]))


def best_single(rows: list[dict[str, Any]], course: str) -> dict[str, tuple[str, float]]:
    """Of each space, and of all on average, the hand-made proxy of the best mean tau; a name only.

    Chosen on the judging networks themselves, which flatters it.
    """
    ours = ("evolved", "best_training_free", "best_training_free + evolved")
    by: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["course"] == course and row["scorer"] not in ours:
            by[row["space"]][row["scorer"]].append(row["tau"])
            by["average"][row["scorer"]].append(row["tau"])
    everywhere = set.intersection(*(set(s) for name, s in by.items() if name != "average"))
    by["average"] = {name: by["average"][name] for name in everywhere}
    means = {space: {s: float(np.mean(t)) for s, t in found.items()} for space, found in by.items()}
    return {space: max(found.items(), key=lambda item: item[1]) for space, found in means.items()}


def write(rows: list[dict[str, Any]], to: Path) -> None:
    """As CSV."""
    with to.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", default="../shared/data", help="folder of the tables")
    parser.add_argument("--banks", type=Path, default=Path(".banks"), help="keeps statistics")
    parser.add_argument("--spaces", nargs="+", choices=[*GROUNDS], default=[*GROUNDS])
    parser.add_argument("--courses", nargs="+", help="by name; all of them where left out")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--population", type=int, default=Settings().population)
    parser.add_argument("--generations", type=int, default=40)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    settings = Settings(population=arguments.population)
    places = {
        name: Place.of(GROUNDS[name], arguments.banks, arguments.data) for name in arguments.spaces
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows, proxies = list[dict[str, Any]](), list[dict[str, Any]]()
    for course in arguments.courses or courses(list(places)):
        for seed in range(arguments.seeds):
            more, found = run(places, course, seed, arguments.generations, settings)
            rows.extend(more)
            proxies.append(found)
            # Each time, so that a killed run leaves what it has.
            write(rows, arguments.out / "evolve.csv")
            write(proxies, arguments.out / "evolve_proxies.csv")
    rate = speed(places[arguments.spaces[0]])
    result = {
        "programs_a_second_and_core": round(rate),
        "seeds": arguments.seeds,
        "networks": {name: len(place.accuracy) for name, place in places.items()},
        **vars(settings),
        "generations": arguments.generations,
        **provenance(),
    }
    (arguments.out / "evolve.json").write_text(json.dumps(result, indent=1) + "\n")
    for entry in summary(rows):
        if entry[2] in ("evolved", "params", "best_training_free", "best_training_free + evolved"):
            print("{:28} {:24} {:30} {:.3f} {:.3f}".format(*entry))
    for course in dict.fromkeys(row["course"] for row in rows):
        print(course, json.dumps(best_single(rows, course)))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
