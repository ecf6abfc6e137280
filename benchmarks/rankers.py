"""The predictors that are compared, with their baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from zc_plugins._shapes import ndarray
from zc_plugins.ensembles.readable_rank import readable_rank
from zc_plugins.predictors import Predictor
from zc_plugins.predictors.committee import committee
from zc_plugins.predictors.gaussian_process import gaussian_process
from zc_plugins.predictors.kernel_regression import kernel_regression
from zc_plugins.predictors.mixer import mixer
from zc_plugins.predictors.mixer_authors import mixer_authors
from zc_plugins.predictors.random_forest import random_forest
from zc_plugins.predictors.ridge import ridge
from zc_plugins.predictors.sinusoidal_nodes import sinusoidal_nodes
from zc_plugins.predictors.training_free import training_free
from zc_plugins.scores import ScoreTable

SLOTTED = (
    "snip", "grad_norm", "plain", "fisher", "synflow", "l2_norm", "zico", "expressivity",
    "trainability",
)  # fmt: skip
"""Whose layers have common names, so that a mixer has 116 slots."""

RECIPES = {
    "recipe az_nas": ("expressivity", "progressivity", "trainability", "complexity"),
    "recipe best_training_free": ("complexity", "jacov", "meco", "progressivity", "swap"),
    "recipe size": ("params", "complexity"),
}

OF_CELLS = ("trees: scores + layers + graph", "trees: graph", "kernel: all")
"""Methods that read the graph of a cell."""

Make = Callable[[int, ScoreTable], Predictor]


def _ranked(proxies: Sequence[str]) -> Make:
    def score(table: ScoreTable, among: ScoreTable) -> ndarray:
        return readable_rank(table.only(proxies), among.only(proxies))

    return lambda _, population: training_free(score, population=population)


METHODS: Mapping[str, Make] = {
    "committee": lambda seed, _: committee(seed=seed),
    "trees: scores + layers + graph": lambda seed, _: random_forest(
        ["scores", "layers", "graph"], seed=seed
    ),
    "trees: scores + layers": lambda seed, _: random_forest(["scores", "layers"], seed=seed),
    "trees: graph": lambda seed, _: random_forest(["graph"], seed=seed),
    "random forest: scores": lambda seed, _: random_forest(random_thresholds=False, seed=seed),
    "kernel: all": lambda seed, _: kernel_regression(["scores", "layers", "graph", "parameters"]),
    "kernel: scores + layers": lambda *_: kernel_regression(["scores", "layers"]),
    "gaussian process": lambda _, population: gaussian_process(population=population),
    "mixer: layers": lambda seed, _: mixer(SLOTTED, seed=seed),
    "mixer_authors": lambda seed, _: mixer_authors(seed=seed),
    "mixer_authors, width 64": lambda seed, _: mixer_authors(width=64, rate=1e-3, seed=seed),
    "ridge: layers": lambda seed, _: ridge(["layers"]),
    "ridge: scores": lambda seed, _: ridge(["scores"]),
    "ridge: one-hot": lambda seed, _: ridge(["parameters"]),
    "synflow": lambda _, population: training_free("synflow", population=population),
    "sinusoidal nodes: synflow": lambda _, population: sinusoidal_nodes(population=population),
    **{name: _ranked(proxies) for name, proxies in RECIPES.items()},
}
