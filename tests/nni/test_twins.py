"""Two samples, one network."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from zc_plugins.nni import NniSpace
from zc_plugins.nni._twins import Twins, _print

from .spaces import Nested

SKIP = {"width": 4, "middle": "skip", "depth": 1}


def twins(**sample: object) -> Twins:
    return Twins(NniSpace(Nested()), [({**SKIP, **sample}, [1.0, 2.0])])


def test_a_depth_that_is_not_used() -> None:
    assert twins().has({**SKIP, "depth": 3}, [1.0, 2.0])


def test_a_depth_that_is_used() -> None:
    deep = {"middle": "deep"}
    assert twins(**deep).has({**SKIP, **deep}, [1.0, 2.0])
    assert not twins(**deep).has({**SKIP, **deep, "depth": 3}, [1.0, 2.0])


def test_scores_that_differ_in_the_last_digit() -> None:
    assert not twins().has({**SKIP, "depth": 3}, [1.0, float(np.nextafter(2, 3))])


def test_without_a_score() -> None:
    missing = [float("nan"), 1.0]
    assert not Twins(NniSpace(Nested()), [(SKIP, missing)]).has(SKIP, missing)


def test_another_learning_rate_is_another_training() -> None:
    assert not twins(rate=0.1).has({**SKIP, "rate": 0.2}, [1.0, 2.0])
    assert twins(rate=0.1).has({**SKIP, "depth": 3, "rate": 0.1}, [1.0, 2.0])


def test_the_state_is_all() -> None:
    again = Twins(NniSpace(Nested()), twins().state())
    assert again.has({**SKIP, "depth": 3}, [1.0, 2.0])


class Wired(nn.Module):
    """Its wiring is in no parameter and in no text."""

    def __init__(self, source: int) -> None:
        super().__init__()
        self.source = source
        self.layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers[self.source](x)
        return y


def test_wiring_that_is_an_attribute() -> None:
    assert _print(Wired(0)) == _print(Wired(0)) != _print(Wired(1))


def test_cells_of_nasbench101_are_told_apart_by_their_wiring() -> None:
    from nni.nas.hub.pytorch import NasBench101

    space = NniSpace(NasBench101(4, 1, 1))
    rng = np.random.default_rng(0)
    prints: dict[str, str] = {}
    for _ in range(12):
        architecture = space.sample(rng)
        network = space.build(architecture)
        wiring = repr(space.encode(architecture))
        prints[wiring] = _print(network)
        assert _print(space.build(architecture)) == prints[wiring]
    assert len(set(prints.values())) > 6
