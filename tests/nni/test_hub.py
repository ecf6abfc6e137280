"""Every space of NNI's hub: three samples each are scored."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zc_plugins import recipes
from zc_plugins.nni import NniSpace

NDS = {"width": 16, "num_cells": 4, "dataset": "cifar"}

SPACES: dict[str, tuple[int, dict[str, Any]]] = {
    "NasBench101": (32, {}),
    "NasBench201": (32, {}),
    "NASNet": (32, NDS),
    "ENAS": (32, NDS),
    "AmoebaNet": (32, NDS),
    "PNAS": (32, NDS),
    "DARTS": (32, NDS),
    "MobileNetV3Space": (64, {}),
    "ProxylessNAS": (64, {}),
    "ShuffleNetSpace": (224, {}),
    "AutoFormer": (224, {}),
}
"""Side of the input, and arguments of the space."""


@pytest.mark.slow
@pytest.mark.parametrize("name", SPACES)
def test_three_samples_are_scored(name: str) -> None:
    from nni.nas.hub import pytorch as hub

    side, arguments = SPACES[name]
    space = NniSpace(getattr(hub, name)(**arguments))
    make_scorer = recipes.az_nas_vit if name == "AutoFormer" else recipes.az_nas
    scorer = make_scorer((3, side, side), batch_size=2, device="cpu")
    rng = np.random.default_rng(0)
    architectures = [space.sample(rng) for _ in range(3)]
    table = scorer.score(architectures, space=space, show_progress=False)
    assert table.scored.all(), table.notes
    assert np.isfinite(table.values).all(), table.notes
    assert len({tuple(row) for row in table.values}) == 3
    for architecture in architectures:
        assert space.decode(space.encode(architecture)) == architecture
