"""What holds for every ``Table``: keys of its space, shapes, fidelities, seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from zc_plugins.errors import InvalidArgument
from zc_plugins.ranking import spearman_rho
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.tables import Table, training_seconds
from zc_plugins.tables.nasbench101 import KNOWN_ROWS, nasbench101
from zc_plugins.tables.nasbench201 import DATASETS, NasBench201Table, nasbench201
from zc_plugins.tables.nasbench201_curves import nasbench201_curves
from zc_plugins.tables.transnasbench101 import SPACES, TASKS, transnasbench101

TABLES: dict[str, tuple[str, Callable[[Path], Table], tuple[int, ...]]] = {
    **{
        f"nasbench201-{d}": ("nb201_main.parquet", lambda f, d=d: nasbench201(f, d), (12, 200))
        for d in DATASETS
    },
    "nasbench101": (
        "nb101_multifidelity_20k.parquet",
        lambda folder: nasbench101(folder, range(0, KNOWN_ROWS, 20)),
        (4, 12, 36, 108),
    ),
    **{
        f"transnasbench101-{s}-{t}": (
            "tnb101_main.parquet",
            lambda f, s=s, t=t: transnasbench101(f, s, t),
            ({"jigsaw": 10, "segmentsemantic": 30, "normal": 30, "autoencoder": 30}.get(t, 25),),
        )
        for s in SPACES
        for t in TASKS
    },
    "curves": ("nb201_learning_curves_c10valid.npz", nasbench201_curves, tuple(range(1, 201))),
}


@pytest.fixture
def table(request: pytest.FixtureRequest, shared_file: Callable[[str], Path]) -> Table:
    pytest.importorskip("pyarrow.parquet")
    file, read, _ = TABLES[request.param]
    return read(shared_file(file).parent)


@pytest.mark.parametrize("table", TABLES, indirect=True)
def test_a_table(table: Table, request: pytest.FixtureRequest) -> None:
    assert isinstance(table, Table)
    size = len(table.architectures)
    assert len(set(table.architectures)) == size >= 200
    assert tuple(table.fidelities) == TABLES[request.node.callspec.params["table"]][2]
    last = max(table.fidelities)
    np.testing.assert_array_equal(table.fidelities[last], table.validation)
    for column in (table.test, table.train_seconds, *table.fidelities.values()):
        assert (column.shape, column.dtype) == ((size,), np.float64)
        assert np.isfinite(column).all()
    assert (table.train_seconds > 0).all()
    # Keys are the space's own.
    for text in table.architectures[:: size // 50]:
        assert table.space.encode(table.space.decode(text)) == text
    # .744 for the layout of rooms in the macro space, .84 and more elsewhere.
    assert spearman_rho(table.validation, table.test) > 0.7
    assert table.dataset in (*DATASETS, *TASKS)
    assert table.metric == TASKS.get(table.dataset, "top-1 accuracy, percent")


@pytest.mark.parametrize("table", ["nasbench101"], indirect=True)
def test_keys_of_nasbench101_are_canonical(table: Table) -> None:
    space = table.space
    for text in table.architectures[::20]:
        cell = space.decode(text)
        assert space.canonical(cell) == cell


@pytest.mark.parametrize("space", SPACES)
def test_higher_is_better_in_all_tasks(space: str, shared_file: Callable[[str], Path]) -> None:
    """Each task's metric rises with the accuracy of objects: no loss has the wrong sign."""
    folder = shared_file("tnb101_main.parquet").parent
    objects = transnasbench101(folder, space, "class_object").validation
    for task in TASKS:
        assert spearman_rho(transnasbench101(folder, space, task).validation, objects) > 0.4, task


@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        ("nasbench201-cifar10", {12: 0.772}),
        ("nasbench201-cifar100", {12: 0.825}),
        ("nasbench201-imagenet16-120", {12: 0.818}),
    ],
    indirect=["table"],
)
def test_early_validation_and_test(table: Table, wanted: dict[int, float]) -> None:
    for epochs, rho in wanted.items():
        assert spearman_rho(table.fidelities[epochs], table.test) == pytest.approx(rho, abs=5e-4)


def test_early_validation_and_test_of_nasbench101(shared_file: Callable[[str], Path]) -> None:
    folder = shared_file("nb101_multifidelity_20k.parquet").parent
    table = nasbench101(folder, range(KNOWN_ROWS))
    rho = [round(spearman_rho(v, table.test), 3) for v in table.fidelities.values()]
    assert rho == [0.482, 0.642, 0.894, 0.986]
    assert [v[0] for v in table.fidelities.values()] == [36.0477, 42.1975, 90.014, 93.0489]


def small(*, one_training: bool = False) -> NasBench201Table:
    early, late = np.array([50.0, 60.0]), np.array([90.0, 80.0])
    cells = tuple(NasBench201().encode(c) for c, _ in zip(NasBench201(), range(2), strict=False))
    table = NasBench201Table(
        cells, late, late, np.ones(2, bool), np.array([400.0, np.nan]), {12: early, 200: late},
        "cifar10", NasBench201(),
    )  # fmt: skip
    return replace(table, one_training=one_training)


def test_seconds_go_by_epochs() -> None:
    apart, joined = small(), small(one_training=True)
    np.testing.assert_array_equal(training_seconds(apart, 200), [400, np.nan])
    np.testing.assert_allclose(training_seconds(apart, 12), [24, np.nan])
    np.testing.assert_allclose(training_seconds(joined, 12), [24, np.nan])
    # The longer training starts anew, or goes on.
    np.testing.assert_array_equal(training_seconds(apart, 200, after=12), [400, np.nan])
    np.testing.assert_allclose(training_seconds(joined, 200, after=12), [376, np.nan])


@pytest.mark.parametrize(
    ("epochs", "after"), [(0, 0), (201, 0), (12, 12), (12, -1), (12, 200), (-3, 0)]
)
def test_other_epochs_are_refused(epochs: int, after: int) -> None:
    with pytest.raises(InvalidArgument, match=f"epochs={epochs}, after={after}"):
        training_seconds(small(), epochs, after=after)


def test_seconds_go_by_images(shared_file: Callable[[str], Path]) -> None:
    """CIFAR-100 has twice the images of the CIFAR-10 split, and twice the seconds."""
    folder = shared_file("nb201_main.parquet").parent
    one, two = (nasbench201(folder, name).train_seconds for name in ("cifar10", "cifar100"))
    np.testing.assert_allclose(two / one, 2, rtol=1e-6)
    assert one.sum() / 86400 == pytest.approx(330.6, abs=0.05)  # days of one GPU
