"""DARTS: a published genotype's size, cells by hand, text, neighbours, relabelled nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
import pytest
import torch

from zc_plugins import recipes
from zc_plugins.costs.params import params
from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces.darts import OPERATIONS, QUESTIONS, Darts, Genotype
from zc_plugins.testing import check_space

SPACE = Darts(channels=2, cells=3, classes=5)
SKIPS = "|skip_connect~0|skip_connect~1|"
TEXT = f"{'+'.join([SKIPS] * 4)};{'+'.join([SKIPS] * 4)}"
DARTS_V2 = (
    "|sep_conv_3x3~0|sep_conv_3x3~1|+|sep_conv_3x3~0|sep_conv_3x3~1|"
    "+|skip_connect~0|sep_conv_3x3~1|+|skip_connect~0|dil_conv_3x3~2|;"
    "|max_pool_3x3~0|max_pool_3x3~1|+|max_pool_3x3~1|skip_connect~2|"
    "+|max_pool_3x3~0|skip_connect~2|+|max_pool_3x3~1|skip_connect~2|"
)


@pytest.mark.parametrize("side", [8, 9])
def test_conformance(side: int) -> None:
    check_space(SPACE, input_shape=(3, side, side), samples=3)


def test_params_of_the_published_genotype() -> None:
    """DARTS' second order, 36 channels and 20 cells: 3.3 million, as published."""
    space = Darts(36, 20)
    with torch.device("meta"):
        assert params(space.build(space.decode(DARTS_V2))) == 3_349_342


@pytest.mark.parametrize("affine", [False, True])
def test_params_by_hand(affine: bool) -> None:
    """Three cells, of which the last two are reductions: all edges skip."""
    inputs = [(6, 6), (6, 8), (8, 16)]
    wanted = 27 * 6 + 2 * 6 + 33 * 5
    for place, (before, last) in enumerate(inputs):
        width = 2 * 2**place
        wanted += (before + last) * width + 2 * 2 * width
        wanted += 8 * (width * width + 2 * width * affine) * (place > 0)
    space = Darts(2, 3, 5, affine=affine)
    assert params(space.build(space.decode(TEXT))) == wanted


def test_channels_and_resolutions() -> None:
    network = SPACE.build(SPACE.sample(np.random.default_rng(0)))
    shapes = []
    for name in ("stem", "cells.0", "cells.1", "cells.2"):
        network.get_submodule(name).register_forward_hook(
            lambda _, __, output: shapes.append(tuple(output.shape[1:]))
        )
    network(torch.randn(2, 3, 16, 16))
    assert shapes == [(6, 16, 16), (8, 16, 16), (16, 8, 8), (32, 4, 4)]


def test_reductions_are_at_one_and_two_thirds() -> None:
    network: Any = Darts(2).build(Darts().decode(TEXT))
    widths = [cell.inputs[1][1].out_channels for cell in network.cells]
    assert widths == [2, 2, 4, 4, 4, 8, 8, 8]


def test_a_cell_by_hand() -> None:
    """Nodes sum; the cell joins its four nodes."""
    text = (
        "|max_pool_3x3~0|skip_connect~1|+|avg_pool_3x3~0|skip_connect~2|"
        "+|skip_connect~1|sep_conv_3x3~2|+|skip_connect~3|dil_conv_5x5~4|"
    )
    network: Any = SPACE.build(SPACE.decode(f"{text};{text}"))
    cell, pools = network.cells[0], torch.nn.functional
    before, last = torch.randn(2, 2, 6, 5, 5).unbind()
    a, b = cell.inputs[0](before), cell.inputs[1](last)
    second = pools.max_pool2d(a, 3, 1, 1) + b
    third = pools.avg_pool2d(a, 3, 1, 1, count_include_pad=False) + second
    fourth = b + cell.edges[5](second)
    fifth = third + cell.edges[7](fourth)
    torch.testing.assert_close(cell(before, last), torch.cat([second, third, fourth, fifth], 1))
    (dilated,) = (layer for layer in cell.edges[7] if getattr(layer, "groups", 1) > 1)
    assert (dilated.kernel_size, dilated.dilation, dilated.padding) == ((5, 5), (2, 2), (4, 4))
    assert len([layer for layer in cell.edges[5] if isinstance(layer, torch.nn.Conv2d)]) == 4


@pytest.mark.parametrize("text", [TEXT, DARTS_V2])
def test_text(text: str) -> None:
    assert SPACE.encode(SPACE.decode(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        SKIPS,
        TEXT.split(";", maxsplit=1)[0],
        f"{TEXT};{TEXT}",
        TEXT.replace("skip_connect", "none"),
        TEXT.replace("~0|skip_connect~1", "~1|skip_connect~0"),
        TEXT.replace("~1", "~0"),
        TEXT.replace("~1", "~2"),
        TEXT.replace("~1", "~x"),
        TEXT.replace("~1", ""),
        TEXT.replace("|skip_connect~1|", "|"),
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"pass|join"):
        SPACE.decode(text)


@pytest.mark.parametrize(
    "settings", [{"channels": 3}, {"channels": 0}, {"cells": 2}, {"classes": 0}]
)
def test_impossible_settings(settings: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument, match="pass"):
        Darts(**settings)


def test_names_tell_settings_apart() -> None:
    spaces = [SPACE, Darts(), Darts(16), Darts(cells=20), Darts(classes=100), Darts(affine=False)]
    assert len({space.name for space in spaces}) == len(spaces)


def test_relabelled_nodes_share_a_representative() -> None:
    """Of the published normal cell the first three nodes read the inputs only."""
    normal, reduction = (cell.split("+") for cell in DARTS_V2.split(";"))
    first, second, third, last = normal
    swapped = [first, third, second, last]
    renamed = [third, first, second, last.replace("~2", "~3")]
    texts = [";".join(["+".join(n), "+".join(reduction)]) for n in (normal, swapped, renamed)]
    genotypes = [SPACE.decode(text) for text in texts]
    assert len(set(genotypes)) == 3
    assert len({SPACE.canonical(genotype) for genotype in genotypes}) == 1
    # The last node reads the first one, of 3 x 3 convolutions only: no other will do.
    other = SPACE.decode(";".join(["+".join([third, first, second, last]), "+".join(reduction)]))
    assert SPACE.canonical(other) != SPACE.canonical(genotypes[0])


def test_mutation_changes_one_choice() -> None:
    rng, genotype = np.random.default_rng(0), SPACE.decode(DARTS_V2)

    def edges(genotype: Genotype) -> list[tuple[str, int]]:
        return [e for cell in (genotype.normal, genotype.reduction) for node in cell for e in node]

    kinds = set()
    for _ in range(200):
        pairs = zip(edges(genotype), edges(SPACE.mutate(genotype, rng)), strict=True)
        changed = [(one, other) for one, other in pairs if one != other]
        operations = [one for one, other in changed if one[0] != other[0]]
        kinds.add((len(operations), len(changed)))
    assert kinds == {(1, 1), (0, 1), (0, 2)}


def test_samples_are_uniform() -> None:
    rng = np.random.default_rng(0)
    drawn = [SPACE.sample(rng).reduction[-1] for _ in range(1000)]
    for operation in OPERATIONS:
        assert 0.1 < np.mean([node[0][0] == operation for node in drawn]) < 0.19
    assert len({(node[0][1], node[1][1]) for node in drawn}) == 10


def test_a_study_asks_all_questions() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: params(SPACE.build(SPACE.suggest(trial))), n_trials=3)
    assert set(study.best_params) == set(QUESTIONS)
    assert len(QUESTIONS) == 24


def test_az_nas_scores_samples() -> None:
    rng = np.random.default_rng(0)
    table = recipes.az_nas((3, 16, 16), batch_size=4, device="cpu").score(
        [SPACE.sample(rng) for _ in range(3)], space=SPACE, show_progress=False
    )
    assert np.isfinite(table.values).all()
