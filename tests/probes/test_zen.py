"""The Zen-Score's two passes."""

from __future__ import annotations

import pytest
from torch import nn

from zc_plugins import recipes
from zc_plugins.spaces.stages import Stages


@pytest.mark.parametrize("residual", [True, False])
def test_activations_may_write_in_place(residual: bool) -> None:
    """Nothing that the score reads is overwritten."""
    space = Stages("small_images", classes=5, residual=residual)
    network = space.build(space.initial)
    activations = [module for module in network.modules() if isinstance(module, nn.ReLU)]
    scorer = recipes.zen_nas((3, 16, 16), batch_size=4, device="cpu")
    scores = []
    for in_place in (True, False):
        for activation in activations:
            activation.inplace = in_place
        scores.append(float(scorer.score([network]).values[0, 0]))
        assert all(activation.inplace is in_place for activation in activations)
    assert scores[0] == scores[1]
    assert scores[0] > 0
