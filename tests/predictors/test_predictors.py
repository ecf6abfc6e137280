"""Every predictor on the shelf learns, says how sure it is, judges each row alone, and repeats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.predictors.tables import population
from zc_plugins import ScoreTable
from zc_plugins._shapes import ndarray
from zc_plugins.errors import InvalidArgument, MissingStatistic, ReferenceMismatch
from zc_plugins.predictors import SHELF, Fitted, Predictor
from zc_plugins.predictors.committee import committee
from zc_plugins.predictors.kernel_regression import kernel_regression
from zc_plugins.predictors.mixer import mixer
from zc_plugins.predictors.mixer_authors import mixer_authors
from zc_plugins.predictors.random_forest import random_forest
from zc_plugins.predictors.ridge import ridge
from zc_plugins.predictors.sinusoidal_nodes import sinusoidal_nodes
from zc_plugins.predictors.training_free import training_free
from zc_plugins.predictors.warm_start import warm_start
from zc_plugins.ranking import kendall_tau

MADE: dict[str, Callable[[], Predictor]] = {
    "ridge": lambda: ridge(["scores", "parameters"]),
    "one_hot": lambda: ridge(["parameters"]),
    "graph": lambda: ridge(["graph"]),
    "random_forest": lambda: random_forest(["scores", "graph"], trees=40),
    "classic_forest": lambda: random_forest(["layers"], random_thresholds=False, trees=40),
    "training_free": lambda: training_free("good"),
    "az_rank": lambda: training_free("az_rank"),
    "sinusoidal_nodes": lambda: sinusoidal_nodes(["good"]),
    "kernel_regression": lambda: kernel_regression(["scores", "layers"]),
    "committee": committee,
    "mixer_authors": lambda: mixer_authors(["good"], width=16, depth=1, epochs=20),
    "mixer": lambda: mixer(epochs=40),
    "warm_start": lambda: warm_start(elsewhere(), ridge(["scores", "parameters"])),
}
# Scaled within each network, and padded at the tail, these vectors say little.
NO_LEARNING = {"az_rank", "sinusoidal_nodes", "mixer_authors"}


def split() -> tuple[ScoreTable, ndarray, ScoreTable, ndarray]:
    table, accuracy = population()
    order = np.random.default_rng(3).permutation(len(table))
    mine, others = order[:44].tolist(), order[44:].tolist()
    return table.rows(mine), accuracy[mine], table.rows(others), accuracy[others]


def elsewhere() -> Fitted:
    """Fitted on a data set whose accuracies are others, in nearly the same order."""
    table, accuracy, _, _ = split()
    luck = np.random.default_rng(5).normal(scale=1.0, size=len(table))
    return ridge(["scores", "parameters"]).fit(table, 0.3 * (accuracy + luck) - 7)


def test_all_of_the_shelf_are_tested() -> None:
    assert set(SHELF) - {"gaussian_process"} <= MADE.keys()


@pytest.mark.parametrize("name", MADE)
def test_it_learns(name: str) -> None:
    table, accuracy, others, truth = split()
    found = MADE[name]().fit(table, accuracy).predict(others)
    live = ~np.array(others.degenerate)
    assert np.isneginf(found.mean[~live]).all()
    assert (found.std[~live] == 0).all()
    assert np.isfinite(found.mean[live]).all()
    assert (found.std[live] > 0).all()
    least = -1.0 if name in NO_LEARNING else 0.5
    assert kendall_tau(found.mean[live], truth[live]) > least
    if name not in NO_LEARNING:
        off = np.abs(found.mean[live] - truth[live]) / found.std[live]
        assert (off < 2).mean() >= 0.5


@pytest.mark.parametrize("name", MADE)
def test_each_row_is_judged_alone_and_alike(name: str) -> None:
    table, accuracy, others, _ = split()
    before = torch.random.get_rng_state(), np.random.get_state()[1]
    fitted, again = MADE[name]().fit(table, accuracy), MADE[name]().fit(table, accuracy)
    whole, twice = fitted.predict(others), again.predict(others)
    assert torch.equal(before[0], torch.random.get_rng_state())
    np.testing.assert_array_equal(before[1], np.random.get_state()[1])
    np.testing.assert_array_equal(whole.mean, twice.mean)
    np.testing.assert_array_equal(whole.std, twice.std)
    for row in (0, 5):
        alone = fitted.predict(others.rows([row]))
        np.testing.assert_allclose(alone.mean[0], whole.mean[row], rtol=1e-5)
        np.testing.assert_allclose(alone.std[0], whole.std[row], rtol=1e-3)
    assert len(fitted.predict(others.rows([])).mean) == 0


@pytest.mark.parametrize("name", MADE)
def test_labels_in_another_unit_and_equal_labels(name: str) -> None:
    table, accuracy, others, _ = split()
    found = MADE[name]().fit(table, accuracy).predict(others).mean
    shares = MADE[name]().fit(table, accuracy / 100).predict(others).mean
    np.testing.assert_allclose(shares * 100, found, rtol=1e-3)
    equal = MADE[name]().fit(table, np.full(len(table), 70.0)).predict(others)
    assert set(equal.mean[np.isfinite(equal.mean)]) == {70.0}


@pytest.mark.parametrize("name", MADE)
def test_what_cannot_be_learned_from(name: str) -> None:
    table, accuracy, _, _ = split()
    with pytest.raises(InvalidArgument, match="for 44 candidates"):
        MADE[name]().fit(table, accuracy[:-1])
    with pytest.raises(InvalidArgument, match="finite"):
        MADE[name]().fit(table, np.where(accuracy > 50, np.nan, accuracy))
    few, wanted = (1, 2) if name == "warm_start" else (2, 5)
    with pytest.raises(InvalidArgument, match=f"train {wanted} or more"):
        MADE[name]().fit(table.rows(range(few)), accuracy[:few])


def test_missing_columns_are_named() -> None:
    table, accuracy, others, _ = split()
    with pytest.raises(InvalidArgument, match="one member"):
        committee([ridge()])
    with pytest.raises(InvalidArgument, match="reads="):
        ridge(["shape"])
    bare = ScoreTable(table.candidates, table.values, table.proxies)
    with pytest.raises(MissingStatistic, match="no parameters"):
        ridge(["parameters"]).fit(bare, accuracy)
    with pytest.raises(MissingStatistic, match="no graph"):
        ridge(["graph"]).fit(bare, accuracy)
    with pytest.raises(MissingStatistic, match="no vectors"):
        mixer().fit(bare, accuracy)
    with pytest.raises(MissingStatistic, match="no vectors"):
        sinusoidal_nodes(["good"]).fit(bare, accuracy)
    with pytest.raises(ReferenceMismatch, match="lacks"):
        ridge().fit(table, accuracy).predict(others.only(["good"]))
    with pytest.raises(ReferenceMismatch, match="lacks"):
        mixer(epochs=1).fit(table, accuracy).predict(others.only(["noise"]))


def test_a_warm_start_helps_where_few_are_trained() -> None:
    table, accuracy, others, truth = split()
    live = ~np.array(others.degenerate)

    def tau(fitted: Fitted) -> float:
        return kendall_tau(fitted.predict(others).mean[live], truth[live])

    here = ridge(["scores", "parameters"])
    gains = []
    for seed in range(10):
        trainable = np.flatnonzero(~np.array(table.degenerate))
        few = np.random.default_rng(seed).permutation(trainable)[:6].tolist()
        warm = warm_start(elsewhere(), here).fit(table.rows(few), accuracy[few])
        gains.append(tau(warm) - tau(here.fit(table.rows(few), accuracy[few])))
    assert np.mean(gains) > 0.1


def test_a_warm_start_begins_with_two_trainings() -> None:
    table, accuracy, others, _ = split()
    live = np.flatnonzero(~np.array(table.degenerate))[:2].tolist()
    there, here = elsewhere(), ridge(["scores", "parameters"])
    mean, std = warm_start(there, here).fit(table.rows(live), accuracy[live]).predict(others)
    known = np.isfinite(mean)
    assert kendall_tau(mean[known], there.predict(others).mean[known]) > 0.99
    assert (std[known] > 0).all()
    with pytest.raises(InvalidArgument, match="unwilling"):
        warm_start(there, Unwilling()).fit(table, accuracy)


class Unwilling:
    """Never learns."""

    def fit(self, table: ScoreTable, accuracy: ndarray) -> Fitted:
        raise InvalidArgument("unwilling")


def test_a_misleading_warm_start_is_corrected() -> None:
    table, accuracy, others, truth = split()
    live = ~np.array(others.degenerate)
    here = ridge(["scores", "parameters"])
    misleading = here.fit(table, -accuracy)
    found = warm_start(misleading, here).fit(table, accuracy).predict(others).mean
    assert kendall_tau(misleading.predict(others).mean[live], truth[live]) < -0.5
    assert kendall_tau(found[live], truth[live]) > 0.5


def test_scores_of_another_size_are_read_by_rank() -> None:
    table, accuracy, others, truth = split()
    live = ~np.array(others.degenerate)
    good = table.only(["good"])
    larger = ScoreTable(
        others.candidates, np.exp(5 + others.only(["good"]).values), ["good"],
        degenerate=others.degenerate, parameters=others.parameters,
    )  # fmt: skip
    there = ridge().fit(good, accuracy)
    few = np.flatnonzero(live)[:6].tolist()

    def tau(made: Predictor) -> float:
        found = made.fit(larger.rows(few), truth[few]).predict(larger)
        return kendall_tau(found.mean[live], truth[live])

    translated = warm_start(there, ridge(["parameters"]), there=good, population=larger)
    lost = warm_start(there, ridge(["parameters"]))
    assert tau(translated) > tau(lost) + 0.1
    with pytest.raises(InvalidArgument, match="belong together"):
        warm_start(there, ridge(), there=good)
    with pytest.raises(InvalidArgument, match="noise has no score"):
        warm_start(there, ridge(), there=table, population=larger)
    with pytest.raises(ReferenceMismatch, match="lacks"):
        translated.fit(others.only(["noise"]), truth)


def test_a_score_becomes_that_of_the_same_rank() -> None:
    from zc_plugins.predictors._translated import _moved

    here, there = np.array([1.0, 2.0, 2.0, 4.0]), np.array([10.0, 20.0, 30.0, 40.0])
    found = _moved(np.array([1.0, 2.0, 4.0, 9.0, -9.0, np.nan]), here, there)
    np.testing.assert_allclose(found, [10, 25, 40, 40, 10, np.nan])


def test_slots_keep_a_layers_place() -> None:
    from zc_plugins.predictors._slots import Slots

    table, _ = population()
    slots = Slots.of(table)
    assert set(slots.names) == {"stem", "edge_0_1", "edge_0_2", "edge_1_2"}
    read = slots.read(table)[:, :, 0]
    for row, parameters in enumerate(table.parameters):
        for name in ("edge_0_1", "edge_0_2", "edge_1_2"):
            empty = np.isnan(read[row, slots.names.index(name)])
            assert empty == (parameters[name] == "none")


def test_summaries_of_vectors() -> None:
    from zc_plugins.predictors._layer_columns import LayerColumns

    vectors = [np.array([1.0, np.nan, 3.0]), np.array([2.0, 5.0]), np.array([np.inf, np.nan])]
    names = [("a", "b", "c"), ("c", "new"), ("a", "b")]
    table = ScoreTable("abc", np.zeros((3, 1)), ["p"], layers={"p": vectors},
                       layer_names={"p": names})  # fmt: skip
    columns = LayerColumns.of(table.rows([0, 2]))
    unit = columns.slots[0].units[0]
    found, both = columns.matrix(table), np.arcsinh(np.array([1.0, 3.0]) / unit)
    wanted = [both.mean(), both.std(), both.min(), both.max(), 2]
    np.testing.assert_allclose(found[0], wanted, rtol=1e-12)
    # Of a layer that nothing trained has, nothing is read.
    one = np.arcsinh(2 / unit)
    np.testing.assert_allclose(found[1], [one, 0, one, one, 1], rtol=1e-12)
    assert found[2].tolist() == [0, 0, 0, 0, 0]


def test_paths_of_a_graph() -> None:
    from zc_plugins.predictors._graph_columns import GraphColumns

    cell = {"edge_0_1": "wide", "edge_0_2": "skip", "edge_1_2": "wide"}
    columns = GraphColumns.of(ScoreTable(["a"], [[0.0]], parameters=[cell]))
    assert columns.operations == ("skip", "wide")
    row = columns.matrix(ScoreTable(["a"], [[0.0]], parameters=[cell]))[0].tolist()
    # Shortest, longest, paths, edges, at the input, at the output: of skip, of wide, of both.
    assert row[:18] == [1, 1, 1, 1, 1, 1, 2, 2, 1, 2, 1, 1, 1, 2, 2, 3, 2, 2]
    # Fewest and most on a path: of skip, of wide.
    assert row[18:] == [0, 1, 0, 2]
