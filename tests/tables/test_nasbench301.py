"""NAS-Bench-301's codes, put to the proof by parameter counts and by a proxy's scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from zc_plugins.costs.params import params
from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces.darts import Darts
from zc_plugins.tables.nasbench301 import NasBench301Table, genotype_text, nasbench301

FILE = "nb301_proxies_suitezero.parquet"


@pytest.fixture(scope="module")
def table(shared_file: Callable[[str], Path]) -> NasBench301Table:
    pytest.importorskip("pyarrow.parquet")
    return nasbench301(shared_file(FILE).parent)


def test_a_code() -> None:
    """Sources ascend; 0 is max pooling, 1 average pooling and so on.

    That these two are not the other way round does not show in parameters: scores of grad_norm on
    40 cells rich in one of them correlate with the file's by rho .86 so, by .31 otherwise.
    """
    assert genotype_text("05131520152105440410052502312341") == (
        "|dil_conv_3x3~0|sep_conv_3x3~1|+|dil_conv_3x3~1|max_pool_3x3~2|"
        "+|dil_conv_3x3~1|avg_pool_3x3~2|+|dil_conv_3x3~0|sep_conv_5x5~4|;"
        "|sep_conv_5x5~0|max_pool_3x3~1|+|dil_conv_3x3~0|dil_conv_3x3~2|"
        "+|skip_connect~0|avg_pool_3x3~3|+|sep_conv_3x3~2|avg_pool_3x3~4|"
    )


def test_accuracies(table: NasBench301Table) -> None:
    assert len(set(table.architectures)) == len(table.architectures) == 1218
    assert table.validation.shape == (1218,)
    assert table.validation[0] == pytest.approx(92.18583)
    assert 88 < table.validation.min() < table.validation.max() < 95.5


def test_params(table: NasBench301Table) -> None:
    """Of every 20th, exactly; with affine normalisation throughout, more."""
    space, affine = Darts(affine=False), Darts()
    for text, wanted in list(zip(table.architectures, table.params, strict=True))[::20]:
        with torch.device("meta"):
            assert params(space.build(space.decode(text))) == wanted
            assert params(affine.build(affine.decode(text))) >= wanted


def test_params_are_exactly_additive(table: NasBench301Table) -> None:
    """All 1,218 counts are sums over the edges, as the decoded cells have them."""
    edges = sorted({edge for text in table.architectures for edge in _edges(text)})
    counts = np.array(
        [[_edges(text).count(edge) for edge in edges] for text in table.architectures]
    )
    design = np.column_stack([np.ones(len(counts)), counts])
    weights = np.linalg.lstsq(design, table.params, rcond=None)[0]
    np.testing.assert_allclose(design @ weights, table.params, atol=0.01)


def _edges(text: str) -> list[tuple[bool, bool, str]]:
    """Of each edge whether its cell is the reduction, whether it reads an input, its operation."""
    found = []
    for place, cell in enumerate(text.split(";")):
        for edge in cell.replace("+", "").replace("||", "|").strip("|").split("|"):
            operation, _, source = edge.partition("~")
            found.append((place == 1, int(source) < 2, operation))
    return found


def test_a_folder_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=FILE):
        nasbench301(tmp_path)
