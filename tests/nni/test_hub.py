"""Every space of NNI's hub: three samples each are scored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zc_plugins import recipes
from zc_plugins.nni import NniSpace


def hub(name: str) -> Any:
    from nni.nas.hub import pytorch

    return getattr(pytorch, name)


SPACES: dict[str, tuple[int, Callable[[], Any]]] = {
    "NasBench101": (32, lambda: hub("NasBench101")()),
    "NasBench201": (32, lambda: hub("NasBench201")()),
    "NASNet": (32, lambda: hub("NASNet")(width=16, num_cells=4, dataset="cifar")),
    "ENAS": (32, lambda: hub("ENAS")(width=16, num_cells=4, dataset="cifar")),
    "AmoebaNet": (32, lambda: hub("AmoebaNet")(width=16, num_cells=4, dataset="cifar")),
    "PNAS": (32, lambda: hub("PNAS")(width=16, num_cells=4, dataset="cifar")),
    "DARTS": (32, lambda: hub("DARTS")(width=16, num_cells=4, dataset="cifar")),
    "MobileNetV3Space": (64, lambda: hub("MobileNetV3Space")()),
    "ProxylessNAS": (64, lambda: hub("ProxylessNAS")()),
    "ShuffleNetSpace": (224, lambda: hub("ShuffleNetSpace")()),
    "AutoFormer": (224, lambda: hub("AutoFormer")()),
}
"""Side of the input, and the space."""


@pytest.mark.slow
@pytest.mark.parametrize("name", SPACES)
def test_three_samples_are_scored(name: str) -> None:
    side, make = SPACES[name]
    space = NniSpace(make())
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
