"""Parameters are counted once each."""

from __future__ import annotations

import pytest
from torch import nn

from tests import zoo
from zc_plugins.costs.params import params


@pytest.mark.parametrize(
    ("model", "count"),
    [
        (nn.Linear(7, 5), 40),
        (nn.Conv2d(3, 8, 3, bias=False), 216),
        (nn.BatchNorm2d(4), 8),
        (nn.ReLU(), 0),
        (nn.Sequential(*[nn.Linear(3, 3)] * 4), 12),
    ],
)
def test_by_hand(model: nn.Module, count: int) -> None:
    assert params(model) == count


def test_tied_weight_counts_once() -> None:
    network = nn.Sequential(nn.Linear(4, 4, bias=False), nn.ReLU(), nn.Linear(4, 4, bias=False))
    network[2].weight = network[0].weight
    assert params(network) == 16
    shared = 8 * 8 * 9 + 8
    assert params(zoo.Shared()) == (3 * 8 * 9 + 8) + shared + (8 * 10 + 10)


def test_frozen_parameters_count() -> None:
    assert params(nn.Linear(2, 2).requires_grad_(False)) == 6
