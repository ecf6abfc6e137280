"""TransNAS-Bench-101's two spaces: published codes, parameter counts, functions of cells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zc_plugins import recipes
from zc_plugins.costs.params import params
from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces.module import Proposal
from zc_plugins.spaces.transnasbench101_macro import MacroCode, TransNasBench101Macro
from zc_plugins.spaces.transnasbench101_micro import Cell, TransNasBench101Micro, _cell_module
from zc_plugins.testing import check_space

MICRO, MACRO = TransNasBench101Micro(channels=4, classes=5), TransNasBench101Macro(4, 5)
ALL_CELLS, ALL_CODES = list(MICRO), list(MACRO)


@pytest.mark.parametrize("space", [MICRO, MACRO])
@pytest.mark.parametrize("side", [32, 33])
def test_conformance(space: Any, side: int) -> None:
    check_space(space, input_shape=(3, side, side), samples=2)


def test_sizes() -> None:
    assert len(set(ALL_CELLS)) == 4**6 == 4096
    assert len({MICRO.canonical(cell) for cell in ALL_CELLS}) == 1376
    assert len(set(ALL_CODES)) == 3256


@pytest.mark.parametrize(
    "space", [TransNasBench101Micro(classes=100), TransNasBench101Macro(64, 100)]
)
def test_parameter_counts(space: Any, shared_file: Callable[[str], Path]) -> None:
    """As NAS-Bench-Suite-Zero counted them, in millions, on its network of 100 classes."""
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = ["space", "code", "task", "params"]
    path = shared_file("tnb101_proxies_suitezero.parquet")
    which = "micro" if isinstance(space, TransNasBench101Micro) else "macro"
    rows = [
        (row["code"], row["params"])
        for row in parquet.read_table(path, columns=columns).to_pylist()
        if (row["space"], row["task"]) == (which, "class_object") and row["params"]
    ]
    assert len(rows) > 600
    for code, millions in rows[::5]:
        text = f"{code[0]}_{code[1:3]}_{code[3:]}" if which == "micro" else code
        with torch.device("meta"):
            assert params(space.build(space.decode(text))) == round(millions * 1e6)


def output(cell: Cell, x: Tensor, stride: int) -> Tensor:
    """The cell's output, all convolutions of one shape with the same weights."""
    module = _cell_module(cell, 4, 4 * stride, stride).double()
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            generator = torch.Generator().manual_seed(layer.kernel_size[0] + 10 * layer.stride[0])
            nn.init.normal_(layer.weight, std=0.5, generator=generator)
    result: Tensor = module.train()(x)
    return result.detach()


def test_canonical_cells_compute_the_same_and_others_do_not() -> None:
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    outputs = {}
    for place in np.random.default_rng(1).choice(len(ALL_CELLS), 100, replace=False):
        cell = ALL_CELLS[place]
        canonical = MICRO.canonical(cell)
        for stride in (1, 2):
            torch.testing.assert_close(output(cell, x, stride), output(canonical, x, stride))
        outputs[canonical] = output(canonical, x, 2).flatten()
    flat = torch.stack(list(outputs.values()))
    # Where equal convolutions, here of equal weights, are one or two, outputs are equal too.
    assert int((torch.cdist(flat, flat) < 1e-6).sum()) < 1.1 * len(flat)


def test_a_strided_skip_is_no_identity() -> None:
    # Two paths of skips: equal in a cell that keeps the resolution, not in one that halves it.
    once, twice = MICRO.decode("0_10_001"), MICRO.decode("0_00_100")
    assert MICRO.canonical(once) == MICRO.canonical(twice)
    convolution_of_skip, convolution = MICRO.decode("1_00_030"), MICRO.decode("0_00_300")
    assert MICRO.canonical(convolution_of_skip) != MICRO.canonical(convolution)


@pytest.mark.parametrize("cell", [ALL_CELLS[0], ALL_CELLS[777], ALL_CELLS[-1]])
def test_text_of_cells(cell: Cell) -> None:
    assert MICRO.decode(MICRO.encode(cell)) == cell


def test_published_text() -> None:
    cell = MICRO.decode("3_02_113")
    skip, conv1x1, conv3x3 = "skip_connect", "nor_conv_1x1", "nor_conv_3x3"
    assert cell.operations == (conv3x3, "none", conv1x1, skip, skip, conv3x3)


@pytest.mark.parametrize("text", ["", "302113", "3_02_114", "3_02_11", "3_02_1133", "3-02-113"])
def test_other_cells_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="pass"):
        MICRO.decode(text)


@pytest.mark.parametrize(
    "text", ["", "411", "4111111", "4115", "1111", "2222", "2111", "3111", "333334", "a411"]
)
def test_other_codes_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="digits="):
        MACRO.decode(text)


@pytest.mark.parametrize("operations", [(), ("none",) * 5, ("none",) * 5 + ("avg_pool_3x3",)])
def test_other_operations_are_refused(operations: tuple[str, ...]) -> None:
    with pytest.raises(InvalidArgument, match="operations="):
        Cell(operations)


@pytest.mark.parametrize("space", [TransNasBench101Micro, TransNasBench101Macro])
@pytest.mark.parametrize("settings", [{"channels": 0}, {"channels": 3}, {"classes": 0}])
def test_impossible_settings(space: Any, settings: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument, match="even and a positive"):
        space(**settings)


def test_mutation_changes_one_edge() -> None:
    cell, rng = ALL_CELLS[777], np.random.default_rng(0)
    for _ in range(100):
        neighbour = MICRO.mutate(cell, rng).operations
        assert sum(a != b for a, b in zip(cell.operations, neighbour, strict=True)) == 1


def test_mutation_changes_one_module() -> None:
    code, rng = MACRO.decode("41411"), np.random.default_rng(0)
    seen = {MACRO.mutate(code, rng).digits for _ in range(500)}
    assert {len(digits) for digits in seen} == {4, 5, 6}
    assert {"4141", "41413", "413411", "1411"} - seen == {"413411", "1411"} - seen
    assert "41411" not in seen
    for digits in seen:
        if len(digits) == 5:
            assert sum(a != b for a, b in zip(digits, "41411", strict=True)) == 1


@pytest.mark.parametrize(
    ("asked", "given"),
    [("4111", "4111"), ("1111", "4111"), ("1112", "3112"), ("3111", "4111"), ("444444", "444311"),
     ("133333", "233331"), ("222222", "422111")],
)  # fmt: skip
def test_suggested_codes_are_mended(asked: str, given: str) -> None:
    answers: dict[str, Any] = {f"module_{i}": int(digit) for i, digit in enumerate(asked)}
    trial = Proposal({"modules": len(asked), **answers}, None)
    assert MACRO.suggest(trial) == MacroCode(given)


def test_suggested_cells() -> None:
    trial = Proposal({}, np.random.default_rng(0))
    cell = MICRO.suggest(trial)
    assert list(trial.params) == [f"edge_{e}" for e in ("0_1", "0_2", "1_2", "0_3", "1_3", "2_3")]
    assert cell == Cell(tuple(trial.params.values()))


def test_names_tell_settings_apart() -> None:
    spaces = [MICRO, MACRO, TransNasBench101Micro(), TransNasBench101Macro(64, 47)]
    assert len({space.name for space in spaces}) == len(spaces)


def test_resolution_and_channels() -> None:
    network = TransNasBench101Macro(4, 5).build(MacroCode("2341"))
    shapes = []
    x = network.get_submodule("stem")(torch.zeros(2, 3, 64, 64))
    for block in network.get_submodule("blocks").children():
        x = block(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes[::2] == [(8, 16, 16), (8, 8, 8), (16, 4, 4), (16, 4, 4)]
    assert shapes[::2] == shapes[1::2]


@pytest.mark.parametrize("space", [MICRO, MACRO])
def test_az_nas_scores_samples(space: Any) -> None:
    rng = np.random.default_rng(1)
    architectures = [space.sample(rng) for _ in range(3)]
    table = recipes.az_nas((3, 32, 32), batch_size=4, device="cpu").score(
        architectures, space=space, show_progress=False
    )
    assert np.isfinite(table.values).all()
