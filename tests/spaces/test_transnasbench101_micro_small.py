"""Micro cells in the network for small images: conformance, scores, text shared with the space."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch

from zc_plugins import recipes
from zc_plugins.costs.params import params
from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces.transnasbench101_micro import TransNasBench101Micro
from zc_plugins.spaces.transnasbench101_micro_small import TransNasBench101MicroSmall
from zc_plugins.testing import check_space

SPACE = TransNasBench101MicroSmall(channels=4, classes=5)


@pytest.mark.parametrize("side", [8, 9])
def test_conformance(side: int) -> None:
    check_space(SPACE, input_shape=(3, side, side), samples=2)


def test_cells_are_those_of_the_micro_space() -> None:
    micro = TransNasBench101Micro()
    assert list(SPACE) == list(micro)
    for cell in islice(SPACE, 0, None, 500):
        assert SPACE.encode(cell) == micro.encode(cell)
        assert SPACE.canonical(cell) == micro.canonical(cell)


def test_params_by_hand() -> None:
    """Stem and classifier; a 3 x 3 convolution from the input to the output; a strided skip."""
    space, outside = TransNasBench101MicroSmall(), 3 * 9 * 64 + 2 * 64 + 257 * 10
    pairs = [(64, 128), (128, 128), (128, 128), (128, 128), (128, 256), (256, 256)]
    convolutions = sum(9 * inputs * outputs + 2 * outputs for inputs, outputs in pairs)
    with torch.device("meta"):
        counts = [
            params(space.build(space.decode(text))) for text in ("0_00_000", "0_00_300", "0_00_100")
        ]
    assert counts == [outside, outside + convolutions, outside + 64 * 128 + 128 * 256]


def test_resolution_is_divided_by_four() -> None:
    network = SPACE.build(SPACE.decode("3_11_211"))
    shapes = []
    for name in ("stem", "cells.0", "cells.3", "cells.5"):
        network.get_submodule(name).register_forward_hook(
            lambda _, __, output: shapes.append(tuple(output.shape[1:]))
        )
    network(torch.randn(2, 3, 16, 16))
    assert shapes == [(4, 16, 16), (8, 8, 8), (8, 8, 8), (16, 4, 4)]


def test_a_cell_of_skips_passes_its_input_on_where_it_has_no_stride() -> None:
    network = SPACE.build(SPACE.decode("1_00_010"))
    x = torch.randn(2, 8, 4, 4)
    assert torch.equal(network.get_submodule("cells.1")(x), x)


@pytest.mark.parametrize("settings", [{"channels": 3}, {"channels": 0}, {"classes": 0}])
def test_impossible_settings(settings: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument, match="pass"):
        TransNasBench101MicroSmall(**settings)


def test_names_tell_settings_apart() -> None:
    spaces = [SPACE, TransNasBench101MicroSmall(), TransNasBench101MicroSmall(classes=18)]
    assert len({space.name for space in (*spaces, TransNasBench101Micro())}) == 4


def test_az_nas_scores_samples() -> None:
    table = recipes.az_nas((3, 8, 8), batch_size=4, device="cpu").score(
        [SPACE.decode(text) for text in ("3_11_211", "2_31_013")], space=SPACE, show_progress=False
    )
    assert np.isfinite(table.values).all()
