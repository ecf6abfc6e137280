"""ViT-Bench-101 as it lies in the shared data, and folders that do not hold it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from zc_plugins.data import add
from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces.vit import Transformer, VitSpace
from zc_plugins.tables.vitbench101 import VitBench101Table, vitbench101

FILE = "vitbench101_autoprox.csv"
SPACE = VitSpace("tiny")


@pytest.fixture(scope="module")
def table(shared_file: Callable[[str], Path]) -> VitBench101Table:
    return vitbench101(shared_file(FILE).parent)


def test_architectures_are_of_the_tiny_space(table: VitBench101Table) -> None:
    assert len(set(table.architectures)) == len(table.architectures) == 200
    architectures = [SPACE.decode(text) for text in table.architectures]
    assert {a.embedding for a in architectures} == {192, 216, 240}
    assert {a.depth for a in architectures} == {12, 13, 14}
    assert architectures[0] == Transformer(
        192,
        (4, 4, 3, 4, 3, 3, 4, 4, 3, 3, 3, 4),
        (3.5, 4.0, 3.5, 4.0, 3.5, 3.5, 4.0, 3.5, 4.0, 4.0, 4.0, 3.5),
    )


def test_accuracies(table: VitBench101Table) -> None:
    trained = {name: int((~np.isnan(a)).sum()) for name, a in table.accuracies.items()}
    assert trained == {
        "c100_base": 100,
        "c100_kd": 200,
        "flower_base": 100,
        "flower_kd": 200,
        "chaoyang_base": 100,
        "chaoyang_kd": 200,
        "imagenet_super": 200,
    }
    for accuracies in table.accuracies.values():
        assert accuracies.shape == (200,)
        assert accuracies.dtype == np.float64
        known = accuracies[~np.isnan(accuracies)]
        assert 45 < known.min() < known.max() < 90
    assert table.accuracies["c100_base"][0] == 68.66
    assert table.accuracies["imagenet_super"][0] == 74.64400003
    # Who is trained from scratch is trained so on all three data sets.
    scratch = [~np.isnan(table.accuracies[f"{d}_base"]) for d in ("c100", "flower", "chaoyang")]
    assert (scratch[0] == scratch[1]).all()
    assert (scratch[0] == scratch[2]).all()


def test_a_file_of_two_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FILE).write_text(
        "space,source,embed_dim,depth,num_heads,mlp_ratio,c100_kd_acc,imagenet_super_acc\n"
        'autoformer,a,192,2,"[3, 4]","[3.5, 4.0]",76.06,\n'
        'pit,b,24,"[2, 8, 4]","[2, 2, 2]",2,64.79,\n'
    )
    table = vitbench101(tmp_path)
    assert table.architectures == ("192|3x3.5|4x4.0",)
    assert table.accuracies["c100_kd"].tolist() == [76.06]
    assert np.isnan(table.accuracies["imagenet_super"]).all()
    # Without a folder: where "zc-plugins data add" puts it.
    monkeypatch.setenv("ZC_PLUGINS_DATA", str(tmp_path / "kept"))
    with pytest.raises(InvalidArgument, match="zc-plugins data add"):
        vitbench101()
    add(str(tmp_path / FILE))
    assert vitbench101().architectures == table.architectures


def test_a_folder_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=FILE):
        vitbench101(tmp_path)
