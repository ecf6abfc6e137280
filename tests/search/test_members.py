"""A population keeps its best, ranked among each other."""

from __future__ import annotations

import numpy as np
import pytest

from zc_plugins.ensembles import SHELF
from zc_plugins.search._members import Members
from zc_plugins.search.individual import Individual, Proxies


@pytest.mark.parametrize("ensemble", sorted(SHELF))
def test_who_left_does_not_count_in_the_ranks(ensemble: str) -> None:
    rng = np.random.default_rng(0)
    members = Members(10, Proxies(tuple("abcd"), (True,) * 4), SHELF[ensemble])
    for step in range(40):
        scores = tuple(map(float, rng.standard_normal(4)))
        members.add(Individual(step, None, str(step), scores))
        alone = SHELF[ensemble](members._proxies.table(members.individuals))
        assert members.numbers.tolist() == alone.tolist()
    assert len(members) == 10
    order = np.argsort(-alone, kind="stable")
    assert members.ranked() == [members.individuals[place] for place in order]
