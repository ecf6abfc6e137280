"""The benchmark of evolved proxies, on a synthetic space."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import evolve
from benchmarks.evolving.grounds import GROUNDS
from tests.discovery.test_evolve import PLANTED, TEXTS, bank
from zc_plugins.discovery.evolve import Settings
from zc_plugins.discovery.published import READINGS, published
from zc_plugins.ranking import kendall_tau
from zc_plugins.scores import ScoreTable

NAMES = ["params", "complexity", "jacov", "meco", "progressivity", "swap"]


def place(seed: int = 0) -> evolve.Place:
    readings = [str(published("eznas_a", reading)) for reading in READINGS]
    found = bank(160, seed, (*TEXTS[:-1], *readings, TEXTS[-1]))
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(160, len(NAMES)))
    values[:, 0] = np.add.reduceat(found.values[-1], found.starts[:-1])
    return evolve.Place(
        found, found.scores(PLANTED), ScoreTable(list(found.networks), values, NAMES)
    )


def test_every_ground_is_of_kept_scores() -> None:
    for ground in GROUNDS.values():
        kept = ground.kept()
        assert len(kept.candidates) == ground.networks
        assert {*NAMES} <= set(kept.proxies)


def test_courses() -> None:
    found = evolve.courses(["a", "b", "c"])
    assert found["a"] == (("a",), "minimum")
    assert found["all, mean"] == (("a", "b", "c"), "mean")
    assert found["all, minimum"][1] == "minimum"
    assert list(evolve.courses(["a"])) == ["a"]


def test_judged_on_networks_that_nothing_has_seen() -> None:
    where = place()
    ground, judges = where.ground("nasbench201", 3)
    seen = {*ground.training.tolist(), *ground.held_out.tolist()}
    assert len(seen) + len(judges) == 160
    assert not seen & {*judges.tolist()}
    assert (len(ground.training), len(ground.held_out)) == (80, 40)
    rows, found = evolve.run(
        {"nasbench201": where, "other": place(1)}, "nasbench201", 3, 2, Settings(population=20)
    )
    taus: dict[Any, float] = {(row["space"], row["scorer"]): row["tau"] for row in rows}
    assert {scorer for _, scorer in taus} == {
        *NAMES, "eznas_a, paper", "eznas_a, code", "evolved", "best_training_free",
        "best_training_free + evolved",
    }  # fmt: skip
    params = kendall_tau(where.params[judges], where.accuracy[judges])
    assert taus["nasbench201", "params"] == pytest.approx(params, abs=1e-4)
    assert {row["space"]: row["used"] for row in rows} == {"nasbench201": True, "other": False}
    # Noise gains by an evolved proxy.
    ensembles = ("best_training_free + evolved", "best_training_free")
    assert np.subtract(*(taus["nasbench201", name] for name in ensembles)) > 0.1
    assert found["training_tau"] > 0
    best = evolve.best_single(rows, "nasbench201")
    assert best["average"][0] in (*NAMES, "eznas_a, paper", "eznas_a, code")
    assert best["nasbench201"][1] == max(
        tau for (space, scorer), tau in taus.items()
        if space == "nasbench201" and scorer not in (*ensembles, "evolved")
    )  # fmt: skip


def test_speed_counts_programs() -> None:
    assert evolve.speed(place(), seconds=0.05) > 0
