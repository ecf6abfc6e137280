"""ParZC's training-free variant: node-wise statistics under sinusoidal weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import MissingStatistic
from zc_plugins.predictors._predictor import Predictor
from zc_plugins.predictors.training_free import training_free
from zc_plugins.scores import ScoreTable

FREQUENCY = 0.1
"""Radians a node."""


def sinusoidal_nodes(
    proxies: Sequence[str] = ("synflow",), *, population: ScoreTable | None = None
) -> Predictor:
    """The sum over nodes of (sin(0.1 node) + 1) / 2 times the node's statistic; no free parameter.

    Nodes are the layers that a network has, counted from the input. What the paper weighs and with
    which constants we could not check; this is the form of an early state of its authors' code. A
    later one has the weights (1 - node / nodes)^2 in its place. Statistics are as they come, summed
    over proxies.

    Args:
        proxies: whose vectors are read.
        population: as of ``training_free``, which puts the sum on the scale of accuracies.

    Raises:
        MissingStatistic: when fitted, if the table lacks a proxy's vectors.

    References:
        Dong et al., ParZC: Parametric Zero-Cost Proxies for Efficient NAS, 2024, arXiv:2402.02105.
    """
    return training_free(_Weighted(tuple(proxies)), population=population)


@dataclass(frozen=True)
class _Weighted:
    proxies: tuple[str, ...]

    def __call__(self, table: ScoreTable, _: ScoreTable) -> Float[ndarray, " candidates"]:
        missing = [proxy for proxy in self.proxies if proxy not in table.layers]
        if missing:
            raise MissingStatistic(f"the table has no vectors of {missing}: score with them")
        total = np.zeros(len(table))
        for proxy in self.proxies:
            for row, vector in enumerate(table.layers[proxy]):
                weights = (np.sin(FREQUENCY * np.arange(len(vector))) + 1) / 2
                total[row] += float(weights @ vector)
        # Of synflow's astronomic numbers only the order is asked for.
        return np.where(np.isnan(total), -np.inf, np.arcsinh(total))
