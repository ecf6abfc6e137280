"""An NNI model space as a search space of ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from zc_plugins import Scorer
from zc_plugins._seeding import seeded
from zc_plugins.errors import InvalidArgument
from zc_plugins.nni import NniSpace
from zc_plugins.probes._excitation import Excitation
from zc_plugins.proxies import SHELF
from zc_plugins.spaces.nasbench201 import EDGES, Cell
from zc_plugins.spaces.nasbench201 import NasBench201 as OwnNasBench201
from zc_plugins.testing import check_space

from .spaces import SHAPE, Nested

LABELS = {"nor_conv_1x1": "conv_1x1", "nor_conv_3x3": "conv_3x3"}


def test_nested_choices() -> None:
    check_space(NniSpace(Nested()), input_shape=SHAPE)


def test_hub() -> None:
    from nni.nas.hub.pytorch import NasBench201

    check_space(NniSpace(NasBench201(4, 1, 10)), input_shape=SHAPE)


def test_constrained_hub() -> None:
    from nni.nas.hub.pytorch import NasBench101

    space = NniSpace(NasBench101(4, 1, 1))
    for seed in range(3):
        architecture = space.sample(np.random.default_rng(seed))
        neighbour = space.mutate(architecture, np.random.default_rng(seed))
        assert neighbour != architecture
        for each in (architecture, neighbour):
            assert space.decode(space.encode(each)) == each
            assert space.build(each)(torch.zeros(2, *SHAPE)).shape == (2, 10)
