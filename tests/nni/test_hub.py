"""Every space of NNI's hub: three samples each are scored, and strategies search it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nni
import numpy as np
import pytest
from torch import nn

from zc_plugins import recipes
from zc_plugins.nni import NniSpace, ZeroCostEvolution, ZeroCostStrategy
from zc_plugins.nni.model_space import Choices
from zc_plugins.spaces.module import Proposal

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
def test_three_samples_are_scored_and_the_best_is_trained(
    run: Callable[..., Any], name: str
) -> None:
    from nni.nas.hub import pytorch as hub

    side, arguments = SPACES[name]
    whole = getattr(hub, name)(**arguments)
    space = NniSpace(whole)
    make_scorer = recipes.az_nas_vit if name == "AutoFormer" else recipes.az_nas
    scorer = make_scorer((3, side, side), batch_size=2, device="cpu")
    strategy = ZeroCostStrategy(scorer, top=1, pool=3)
    (trained,) = searched(run, whole, strategy, space)
    architectures = [space.of(sample) for sample, _ in strategy.state_dict()["ranked"]]
    assert trained == architectures[0]
    assert scorer.scored == 3
    table = scorer.score(architectures, space=space, show_progress=False)
    assert table.scored.all(), table.notes
    assert np.isfinite(table.values).all(), table.notes
    assert len({tuple(row) for row in table.values}) == 3
    for architecture in architectures:
        assert space.decode(space.encode(architecture)) == architecture
        assert space.suggest(Proposal(space.parameters(architecture), None)) == architecture

    evolution = ZeroCostEvolution(
        recipes.size((3, side, side)), population=1, tournament=1, candidates=2, pool=2
    )
    parent, child = searched(run, whole, evolution, space)
    differing = [a for a, b in zip(parent.pairs, child.pairs, strict=True) if a != b]
    assert len(differing) == 1


def searched(run: Callable[..., Any], whole: Any, strategy: Any, space: NniSpace) -> list[Choices]:
    """The architectures that an experiment of at most two trials trained."""
    from nni.nas.evaluator import FunctionalEvaluator

    experiment = run(whole, FunctionalEvaluator(constant), strategy, trials=2)
    models = experiment.export_top_models(3)
    assert {model.metric for model in models} == {0.5}
    return [space.of(model.sample) for model in models]


def constant(model: nn.Module) -> None:
    """What stands for a training."""
    nni.report_final_result(0.5)
