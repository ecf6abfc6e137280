"""NAS-Bench-201 cells: published strings, isomorphism classes, and the functions behind them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces._cell_function import cell_function
from zc_plugins.spaces.module import Proposal
from zc_plugins.spaces.nasbench201 import (
    EDGES,
    OPERATIONS,
    Cell,
    NasBench201,
    _cell_module,
)
from zc_plugins.testing import check_space

SPACE = NasBench201(channels=4, cells_per_stage=1)
ALL = list(SPACE)


def test_conformance() -> None:
    check_space(SPACE, input_shape=(3, 8, 8), samples=2)


def test_all_cells_and_functions() -> None:
    assert len(set(ALL)) == 5**6 == 15625
    assert len({SPACE.canonical(cell) for cell in ALL}) == 5260


def test_against_the_published_classes(shared_file: Callable[[str], Path]) -> None:
    """Where the 6,466 published classes hold several of our functions, ours differ rightly."""
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = ["arch", "iso_class", "disconnected"]
    rows = parquet.read_table(shared_file("nb201_main.parquet"), columns=columns).to_pylist()
    published = defaultdict(set)
    for row in rows:
        canonical = SPACE.canonical(SPACE.decode(row["arch"]))
        published[row["iso_class"]].add(canonical)
        assert (set(canonical.operations) == {"none"}) == row["disconnected"]
    assert len(published) == 6466
    mixed = [cells for cells in published.values() if len(cells) > 1]
    assert len(mixed) == 430
    for cells in mixed:
        # The same sum of terms, but one convolution's output is added twice, or two are.
        assert len({cell_function(cell.operations)[0] for cell in cells}) == 1
        assert len({cell_function(cell.operations)[1] for cell in cells}) == len(cells)


def output(cell: Cell, x: Tensor) -> Tensor:
    """The cell's output, all convolutions of one kernel size with the same weights."""
    module = _cell_module(cell, 4).double()
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Conv2d):
            generator = torch.Generator().manual_seed(layer.kernel_size[0])
            nn.init.normal_(layer.weight, std=0.5, generator=generator)
        elif isinstance(layer, nn.AvgPool2d):
            # The mean of a sum is the sum of means, which is more than the text knows.
            module.set_submodule(name, nn.MaxPool2d(3, 1, 1))
    result: Tensor = module.train()(x)
    return result.detach()


def test_canonical_cells_compute_the_same_and_others_do_not() -> None:
    x = torch.randn(2, 4, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    rng = np.random.default_rng(1)
    outputs = {}
    for place in rng.choice(len(ALL), 100, replace=False):
        canonical = SPACE.canonical(ALL[place])
        outputs[canonical] = output(canonical, x)
        torch.testing.assert_close(output(ALL[place], x), outputs[canonical])
    flat = torch.stack([value.flatten() for value in outputs.values()])
    equal = torch.cdist(flat, flat) < 1e-6
    functions = [cell_function(cell.operations) for cell in outputs]
    assert len(set(functions)) == len(functions)
    for one, other in equal.nonzero().tolist():
        assert one == other or functions[one][1] != functions[other][1]
    assert int(equal.sum()) < 1.1 * len(functions)


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        # Nothing arrives: all operations are idle.
        ("|nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|none~0|none~1|none~2|", None),
        # Node 1 is fed and never read.
        (
            "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
            "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
        ),
        # A skip to node 1 and on is a skip to the end.
        (
            "|skip_connect~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|",
            "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
        ),
        # The order of a sum.
        (
            "|nor_conv_1x1~0|+|nor_conv_3x3~0|none~1|+|none~0|skip_connect~1|skip_connect~2|",
            "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|none~0|skip_connect~1|skip_connect~2|",
        ),
    ],
)
def test_canonical_by_hand(cell: str, wanted: str | None) -> None:
    canonical = SPACE.canonical(SPACE.decode(cell))
    if wanted is None:
        assert canonical == Cell(("none",) * 6)
        assert not output(canonical, torch.ones(2, 4, 3, 3, dtype=torch.float64)).any()
    else:
        assert canonical == SPACE.canonical(SPACE.decode(wanted))


@pytest.mark.parametrize("place", [0, 1, 7777, 15624])
def test_text(place: int) -> None:
    cell = ALL[place]
    assert SPACE.decode(SPACE.encode(cell)) == cell


def test_published_string() -> None:
    text = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|none~0|nor_conv_3x3~1|skip_connect~2|"
    cell = SPACE.decode(text)
    assert dict(zip(EDGES, cell.operations, strict=True)) == {
        (0, 1): "avg_pool_3x3",
        (0, 2): "nor_conv_1x1",
        (1, 2): "skip_connect",
        (0, 3): "none",
        (1, 3): "nor_conv_3x3",
        (2, 3): "skip_connect",
    }


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "|none~0|", "|none~1|+|none~0|none~1|+|none~0|none~1|none~2|", "|conv~0|+||"],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        SPACE.decode(text)


@pytest.mark.parametrize("operations", [(), ("none",) * 5, ("none",) * 5 + ("pool",)])
def test_other_operations_are_refused(operations: tuple[str, ...]) -> None:
    with pytest.raises(InvalidArgument, match="operations="):
        Cell(operations)


@pytest.mark.parametrize("settings", [{"channels": 0}, {"cells_per_stage": 0}, {"classes": -1}])
def test_impossible_settings(settings: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument, match="positive"):
        NasBench201(**settings)


def test_mutation_changes_one_edge_to_any_other_operation() -> None:
    cell, rng = ALL[777], np.random.default_rng(0)
    seen = set()
    for _ in range(400):
        neighbour = SPACE.mutate(cell, rng)
        changed = [
            (edge, new)
            for edge, (old, new) in enumerate(
                zip(cell.operations, neighbour.operations, strict=True)
            )
            if old != new
        ]
        assert len(changed) == 1
        seen.update(changed)
    assert len(seen) == 6 * 4


def test_samples_are_uniform() -> None:
    rng = np.random.default_rng(0)
    drawn = [SPACE.sample(rng).operations for _ in range(1000)]
    for edge in range(6):
        counts = [sum(cell[edge] == operation for cell in drawn) for operation in OPERATIONS]
        assert 150 < min(counts) <= max(counts) < 250


def test_names_tell_settings_apart() -> None:
    names = {NasBench201(*settings).name for settings in ((16, 5, 10), (8, 5, 10), (16, 1, 100))}
    assert len(names) == 3


def test_suggestions_of_a_trial() -> None:
    asked: dict[str, Any] = {}

    class Trial(Proposal):
        def suggest_categorical(self, name: str, choices: Any) -> Any:
            asked[name] = choices
            return choices[-1]

    cell = SPACE.suggest(Trial({}, None))
    assert cell == Cell(("avg_pool_3x3",) * 6)
    assert list(asked) == [f"edge_{a}_{b}" for a, b in EDGES]


def test_one_convolution_twice_is_not_two() -> None:
    once = SPACE.decode(
        "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|skip_connect~1|skip_connect~2|"
    )
    twice = SPACE.decode(
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|skip_connect~1|skip_connect~2|"
    )
    assert SPACE.canonical(once) != SPACE.canonical(twice)
