"""Once-for-all MobileNetV3: blocks by hand, text, neighbours, a real study."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from torch import nn

from zc_plugins import recipes
from zc_plugins.costs.params import params
from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces.module import Proposal
from zc_plugins.spaces.ofa_mobilenetv3 import DEPTHS, KERNELS, OfaMobileNetV3
from zc_plugins.testing import check_space

SPACE = OfaMobileNetV3(classes=5)
SMALLEST = "|".join(["3x3+3x3"] * 5)
LARGEST = "|".join(["7x6+7x6+7x6+7x6"] * 5)


def test_conformance() -> None:
    check_space(SPACE, input_shape=(3, 32, 32), samples=2)


def test_size_of_the_largest() -> None:
    """Once-for-all training shares its weights; as published, 7.7 million."""
    space = OfaMobileNetV3()
    with torch.device("meta"):
        assert round(params(space.build(space.decode(LARGEST))) / 1e6, 1) == 7.7


def test_a_block_by_hand() -> None:
    """Expansion, depthwise, gate, projection, and the input where the shape is the same."""
    network: Any = SPACE.build(SPACE.decode(SMALLEST)).eval()
    block = network.blocks[4]  # the second of the second stage
    x = torch.randn(2, 40, 6, 6)
    expand, norm, relu, depthwise, norm2, relu2, excite, project, norm3 = block.layers
    hidden = relu2(norm2(depthwise(relu(norm(expand(x))))))
    down, rectified, up, hard = excite.gate
    gate = hard(up(rectified(down(hidden.mean((2, 3), keepdim=True)))))
    torch.testing.assert_close(block(x), x + norm3(project(hidden * gate)))
    assert depthwise.groups == expand.out_channels == 120
    assert down.out_channels == 32
    # The stem's block has no expansion, and the first of a stage adds nothing.
    assert len(network.blocks[0].layers) == 5
    assert [block.residual for block in network.blocks] == [True] + [False, True] * 5


def test_resolutions_widths_activations_and_gates() -> None:
    network: Any = SPACE.build(SPACE.decode(SMALLEST))
    shapes = []
    for block in network.blocks[2::2]:
        block.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    network(torch.randn(2, 3, 64, 64))
    assert shapes == [(24, 16, 16), (40, 8, 8), (80, 4, 4), (112, 4, 4), (160, 2, 2)]
    kinds = [{type(m) for m in block.modules()} for block in network.blocks[2::2]]
    assert [nn.Hardswish in kind for kind in kinds] == [False, False, True, True, True]
    assert [nn.Hardsigmoid in kind for kind in kinds] == [False, True, False, True, True]


def test_text() -> None:
    for text in (SMALLEST, LARGEST, "3x4+5x6|7x3+3x3+3x3|3x6+3x4|5x4+5x3|7x6+3x4+3x6+3x3"):
        assert SPACE.encode(SPACE.decode(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "3x3+3x3",
        f"{SMALLEST}|3x3+3x3",
        SMALLEST.replace("3x3+", "", 1),
        SMALLEST.replace("3x3", "1x3", 1),
        SMALLEST.replace("3x3", "3x5", 1),
        SMALLEST.replace("3x3", "3x3x3", 1),
        SMALLEST.replace("3x3", "3x", 1),
        SMALLEST.replace("3x3", "-3x3", 1),
        f"{LARGEST}+7x6",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="pass"):
        SPACE.decode(text)


def test_impossible_settings_and_names() -> None:
    with pytest.raises(InvalidArgument, match="classes=0"):
        OfaMobileNetV3(0)
    assert OfaMobileNetV3().name != SPACE.name


def test_mutation_changes_one_choice_and_reaches_all_kinds() -> None:
    rng, subnet = np.random.default_rng(0), SPACE.decode(SMALLEST)
    kinds: Counter[str] = Counter()
    for _ in range(200):
        neighbour = SPACE.mutate(subnet, rng)
        pairs = list(zip(subnet.stages, neighbour.stages, strict=True))
        deeper = [other for one, other in pairs if len(one) != len(other)]
        changed = [
            {"kernel": one[0] != other[0], "expansion": one[1] != other[1]}
            for stage, new in pairs
            for one, other in zip(stage, new, strict=False)
        ]
        found = [name for block in changed for name, is_new in block.items() if is_new]
        (only,) = found + ["depth"] * len(deeper)
        kinds[only] += 1
    assert set(kinds) == {"kernel", "expansion", "depth"}


def test_samples_are_uniform() -> None:
    rng = np.random.default_rng(0)
    stages = [stage for _ in range(200) for stage in SPACE.sample(rng).stages]
    for depth in DEPTHS:
        assert 0.28 < np.mean([len(stage) == depth for stage in stages]) < 0.38
    kernels = [kernel for stage in stages for kernel, _ in stage]
    assert all(0.3 < kernels.count(kernel) / len(kernels) < 0.37 for kernel in KERNELS)


def test_a_study() -> None:
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=3))

    def objective(trial: optuna.Trial) -> float:
        with torch.device("meta"):
            return float(params(SPACE.build(SPACE.suggest(trial))))

    study.optimize(objective, n_trials=6)
    best = SPACE.suggest(Proposal(study.best_params, None))
    blocks = sum(map(len, best.stages))
    assert len(study.best_params) == 5 + 2 * blocks


def test_az_nas_scores_samples() -> None:
    table = recipes.az_nas((3, 64, 64), batch_size=4, device="cpu").score(
        [SPACE.decode(SMALLEST), SPACE.sample(np.random.default_rng(0))],
        space=SPACE,
        show_progress=False,
    )
    assert np.isfinite(table.values).all()
