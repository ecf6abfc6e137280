"""NAS-Bench-101 cells: the benchmark's own parameter counts and representatives, and its limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from zc_plugins import recipes
from zc_plugins.costs.params import params
from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces._nasbench101_network import CellModule, vertex_channels
from zc_plugins.spaces.module import Proposal
from zc_plugins.spaces.nasbench101 import OPERATIONS, Cell, NasBench101
from zc_plugins.tables.nasbench101 import ROWS, nasbench101
from zc_plugins.testing import check_space

SPACE = NasBench101(channels=8, stacks=2, cells_per_stack=1)
LINE = "conv3x3+conv1x1+maxpool3x3|01+12+23+34"
RESIDUAL = "conv3x3+conv1x1+maxpool3x3|01+02+04+13+23+24+34"


def random_rows(shared_file: Callable[[str], Path], count: int) -> Any:
    folder = shared_file("nb101_full.parquet").parent
    shared_file("nb101_multifidelity_20k.parquet")
    rows = np.random.default_rng(0).choice(ROWS, count, replace=False).tolist()
    return nasbench101(folder, rows)


def test_conformance() -> None:
    check_space(SPACE, input_shape=(3, 9, 9), samples=5)


def test_parameter_counts_are_the_published_ones(shared_file: Callable[[str], Path]) -> None:
    table, space = random_rows(shared_file, 200), NasBench101()
    with torch.device("meta"):
        counted = [params(space.build(space.decode(text))) for text in table.architectures]
    assert counted == table.params.tolist()


def test_canonical_cells_are_those_of_the_benchmark(shared_file: Callable[[str], Path]) -> None:
    for text in random_rows(shared_file, 2000).architectures:
        assert SPACE.encode(SPACE.canonical(SPACE.decode(text))) == text


def test_isomorphic_cells_share_a_representative() -> None:
    rng = np.random.default_rng(0)
    merged = 0
    for cell in (SPACE.sample(rng) for _ in range(10)):
        last = cell.vertices - 1
        for order in permutations(range(1, last)):
            label = (0, *order, last)
            edges = tuple(sorted((label[a], label[b]) for a, b in cell.edges))
            if all(a < b for a, b in edges):
                operation = dict(zip(order, cell.operations, strict=True))
                other = Cell(tuple(operation[v] for v in range(1, last)), edges)
                assert SPACE.canonical(other) == cell
                merged += other != cell
    assert merged


def test_other_cells_do_not() -> None:
    cells = [LINE, RESIDUAL, "conv1x1+conv3x3+maxpool3x3|01+12+23+34", "|01", "conv1x1|01+12"]
    assert len({SPACE.canonical(SPACE.decode(text)) for text in cells}) == len(cells)


def test_channels_are_shared_at_the_output_and_handed_backwards() -> None:
    edges = ((0, 1), (0, 2), (0, 3), (1, 4), (2, 5), (3, 5), (4, 5))
    assert vertex_channels(edges, 6, 128) == [0, 42, 43, 43, 42, 128]
    assert vertex_channels(((0, 1),), 2, 128) == [0, 128]


def test_cell_by_hand() -> None:
    """The output is the joined vertices plus the projected input; inputs are projected, summed."""
    cell = SPACE.decode(RESIDUAL)
    module = CellModule(cell.operations, cell.edges, 4, 8).eval()
    x = torch.randn(2, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    project, operation = module.projections, module.operations
    # Vertex 2 is at the output, and so are 3 and the input: 4 channels each of 8.
    first = operation[0](project["1"](x))
    second = operation[1](project["2"](x))
    third = operation[2](first + second)
    wanted = torch.cat([second, third], dim=1) + project["4"](x)
    torch.testing.assert_close(module(x), wanted)
    assert set(project) == {"1", "2", "4"}


def test_wider_vertices_pass_on_their_first_channels() -> None:
    # Vertex 1 feeds 2 and 4, of 3 and 2 channels: it has 3.
    edges = ((0, 1), (0, 3), (1, 2), (1, 4), (2, 5), (3, 5), (4, 5))
    module = CellModule(("conv1x1",) * 4, edges, 4, 8)
    assert module.widths == [0, 3, 3, 3, 2, 8]
    assert module(torch.ones(2, 4, 3, 3)).shape == (2, 8, 3, 3)


@pytest.mark.parametrize("text", [LINE, RESIDUAL, "|01", "conv1x1|01+12"])
def test_text(text: str) -> None:
    assert SPACE.encode(SPACE.decode(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "conv1x1",
        "|",
        "|00",
        "|10",
        "|01+01",
        "|1",
        "pool|01+12",
        "conv1x1|12+01",
        "conv1x1|01+02",
        "conv1x1|02",
        "conv1x1+conv1x1+conv1x1+conv1x1+conv1x1+conv1x1|01+12+23+34+45+56+67",
        "conv1x1+conv1x1+conv1x1+conv1x1+conv1x1|01+02+03+04+05+16+26+36+46+56",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"pass|leave out"):
        SPACE.decode(text)


@pytest.mark.parametrize(
    "settings", [{"channels": 4}, {"stacks": 0}, {"cells_per_stack": 0}, {"classes": -1}]
)
def test_impossible_settings(settings: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument, match="positive"):
        NasBench101(**settings)


def test_samples_are_spread_as_the_benchmark() -> None:
    rng = np.random.default_rng(0)
    drawn = [SPACE.sample(rng) for _ in range(200)]
    vertices = Counter(cell.vertices for cell in drawn)
    assert vertices.keys() <= {5, 6, 7}
    assert 150 < vertices[7] < 190
    assert all(SPACE.canonical(cell) == cell for cell in drawn)
    shares = Counter(operation for cell in drawn for operation in cell.operations)
    assert all(0.28 < shares[o] / shares.total() < 0.38 for o in OPERATIONS)


@pytest.mark.parametrize(
    ("text", "steps"), [(LINE, {-1, 0, 1}), ("conv1x1|01+12", {0, 1}), ("|01", {1})]
)
def test_mutation_reaches_smaller_and_larger_cells(text: str, steps: set[int]) -> None:
    cell, rng = SPACE.decode(text), np.random.default_rng(0)
    neighbours = [SPACE.mutate(cell, rng) for _ in range(100)]
    assert all(SPACE.canonical(other) != SPACE.canonical(cell) for other in neighbours)
    reached = {other.vertices - cell.vertices for other in neighbours}
    assert steps <= reached


def suggested(edges: set[tuple[int, int]]) -> Cell:
    """What a trial that chooses these edges, and convolutions of 1 x 1, suggests."""
    given: dict[str, Any] = {f"edge_{a}_{b}": (a, b) in edges for a, b in combinations(range(7), 2)}
    given |= {f"operation_{vertex}": "conv1x1" for vertex in range(1, 6)}
    return SPACE.suggest(Proposal(given, None))


def test_suggestions_without_a_path_join_input_and_output() -> None:
    assert suggested(set()) == suggested({(0, 1), (2, 6)}) == SPACE.decode("|01")


def test_suggestions_lose_idle_vertices() -> None:
    assert suggested({(0, 3), (3, 6), (0, 2), (4, 6)}) == SPACE.decode("conv1x1|01+12")


def test_suggestions_lose_edges_beyond_the_ninth() -> None:
    full = suggested(set(combinations(range(7), 2)))
    assert (full.vertices, len(full.edges)) == (7, 9)
    # No edge can go without its vertex.
    star = suggested({(0, v) for v in range(1, 6)} | {(v, 6) for v in range(1, 6)})
    assert (star.vertices, len(star.edges)) == (6, 8)


def test_fair_answers_make_small_cells() -> None:
    rng = np.random.default_rng(0)
    drawn = [SPACE.suggest(Proposal({}, rng)) for _ in range(200)]
    assert np.mean([cell.vertices for cell in drawn]) == pytest.approx(4.6, abs=0.2)


def test_names_tell_settings_apart() -> None:
    settings = [{}, {"channels": 16}, {"stacks": 2}, {"cells_per_stack": 1}, {"classes": 100}]
    assert len({NasBench101(**kept).name for kept in settings}) == len(settings)


def test_az_nas_scores_samples() -> None:
    rng = np.random.default_rng(0)
    table = recipes.az_nas((3, 16, 16), batch_size=4, device="cpu").score(
        [SPACE.sample(rng) for _ in range(3)], space=SPACE, show_progress=False
    )
    assert np.isfinite(table.values).all()
