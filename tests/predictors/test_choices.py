"""Distances between architectures, by their parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zc_plugins.predictors._choices import Choices

VALUES = st.one_of(st.sampled_from(["a", "b", True, None]), st.integers(0, 5))
PARAMETERS = st.lists(
    st.dictionaries(st.sampled_from(["x", "y", "z"]), VALUES), min_size=2, max_size=8
)


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ({"op": "conv", "width": 8}, {"op": "conv", "width": 8}, 0),
        ({"op": "conv", "width": 8}, {"op": "pool", "width": 8}, 1),
        # Three widths are known: neighbours lie half the range apart, whatever their unit.
        ({"op": "conv", "width": 8}, {"op": "conv", "width": 16}, 0.5),
        ({"op": "conv", "width": 8}, {"op": "pool", "width": 512}, 2),
        ({"op": "conv"}, {"op": "conv", "width": 512}, 1),
        ({"width": 8}, {"op": "conv", "width": 8}, 1),
        ({"op": "new", "width": 9999}, {"op": "pool", "width": 512}, 1),
    ],
)
def test_distance(one: dict[str, Any], other: dict[str, Any], distance: float) -> None:
    choices = Choices([{"op": op, "width": w} for op in ("conv", "pool") for w in (8, 16, 512)])
    found = choices.distance(choices.encode([one]), choices.encode([other]))
    np.testing.assert_allclose(found, [[distance]])


@given(PARAMETERS)
def test_the_kernel_is_one(parameters: list[dict[str, Any]]) -> None:
    choices = Choices(parameters)
    points = choices.encode(parameters)
    kernel = np.exp(-choices.distance(points, points))
    np.testing.assert_array_equal(np.diag(kernel), 1.0)
    assert np.linalg.eigvalsh(kernel).min() > -1e-9


def test_nothing_is_known_of_architectures_without_parameters() -> None:
    choices = Choices([{}, {}])
    points = choices.encode([{}, {}])
    np.testing.assert_array_equal(choices.distance(points, points), np.zeros((2, 2)))
