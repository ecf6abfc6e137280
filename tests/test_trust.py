"""Belief in a tau: coverage, how it moves, and what it lets the scores do."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zc_plugins.ensembles.az_rank import az_rank
from zc_plugins.scores import ScoreTable
from zc_plugins.trust import ENSEMBLE, PARAMS, PROXY, Belief, measured_trust


def pairs(tau: float, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scores and accuracies, normal with this tau."""
    rho = math.sin(math.pi * tau / 2)
    scores, noise = rng.normal(size=(2, count))
    return scores, rho * scores + math.sqrt(1 - rho * rho) * noise


@pytest.mark.parametrize("prior", [ENSEMBLE, PROXY, PARAMS])
@pytest.mark.parametrize("count", [5, 20])
def test_coverage(prior: Belief, count: int) -> None:
    """Nine tenths of the taus that the prior draws lie in the intervals."""
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(600):
        tau = math.tanh(rng.normal(prior.mean, prior.deviation))
        low, high = prior.after(*pairs(tau, count, rng)).interval
        inside.append(low <= tau <= high)
    assert 0.86 <= np.mean(inside) <= 0.94


def test_priors_are_those_of_the_tables() -> None:
    from benchmarks.prior import prior, taus

    found = {kind: prior(by_space) for kind, by_space in taus().items()}
    for kind, belief in {"ensemble": ENSEMBLE, "proxy": PROXY, "params": PARAMS}.items():
        assert found[kind] == pytest.approx((belief.mean, belief.deviation), abs=5e-4)


def test_evidence_moves_belief() -> None:
    order = np.arange(10.0)
    assert ENSEMBLE.weight == 1
    assert ENSEMBLE.after(order, order).interval[0] > ENSEMBLE.interval[0]
    misled = ENSEMBLE.after(-order, order)
    assert misled.tau == pytest.approx(-1)
    assert misled.interval[1] < 0
    assert misled.weight == 0
    # Two neighbours are no evidence, nor are equal scores.
    for scores in (order[:2], np.zeros(10)):
        after = ENSEMBLE.after(scores, order[: len(scores)])
        assert (after.mean, after.weight) == (ENSEMBLE.mean, 1)


def test_weight_follows_the_interval() -> None:
    """Full above zero, nothing once an interval of mass .8 reaches it."""
    assert Belief(1.66, 1).interval[0] > 0
    assert Belief(1.66, 1).weight == 1
    assert 0 < Belief(1.4, 1).weight < 1
    assert Belief(1.28, 1).weight == 0


def test_report() -> None:
    rng = np.random.default_rng(0)
    scores, accuracy = pairs(0.7, 40, rng)
    table = ScoreTable(list(map(str, range(40))), np.stack([scores, -scores], 1), ["up", "down"])
    only = table.only(["up"])
    told = measured_trust(table, accuracy, az_rank)
    assert told.proxies["up"].estimate > 0.4 > -0.4 > told.proxies["down"].estimate
    assert (told.params, told.params_do_as_well) == (None, None)

    as_well = measured_trust(only, accuracy, az_rank, scores)
    assert as_well.params_do_as_well
    assert as_well.sentence == "The scores help here, but parameter count alone does as well."
    better = measured_trust(only, accuracy, az_rank, rng.normal(size=40))
    assert better.params_do_as_well is False
    assert better.sentence == "The scores help here."
    assert "params " in str(better)
    misled = measured_trust(only, -accuracy, az_rank)
    assert misled.sentence == "The scores mislead here, and are not followed."
    few = measured_trust(only.rows(range(5)), accuracy[:5], az_rank, scores[:5])
    assert few.params_do_as_well is None


def test_a_lower_is_better_proxy_and_unscored_networks() -> None:
    accuracy = np.arange(12.0)
    values = -accuracy[:, None].copy()
    values[0] = np.nan
    table = ScoreTable(list("abcdefghijkl"), values, ["loss"], [False])
    assert measured_trust(table, accuracy, az_rank).ensemble.tau == pytest.approx(1)
    assert measured_trust(table, accuracy, az_rank).proxies["loss"].tau == pytest.approx(1)


def test_nothing_trained() -> None:
    told = measured_trust(ScoreTable([], [], ["up"]), np.empty(0), az_rank)
    assert told.ensemble == ENSEMBLE
    assert "yet" in told.sentence
