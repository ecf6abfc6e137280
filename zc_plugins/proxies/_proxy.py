"""What a proxy is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import Degenerate, Unscorable
from zc_plugins.probes import Measure, Reading


@dataclass(frozen=True)
class LayerScores:
    """A proxy's numbers for one network: a vector over its layers or blocks, and the reduced score.

    Attributes:
        value: the score; NaN if the network could not be scored.
        layers: shape (layers,); NaN where a layer could not be scored.
        names: of the layers.
        note: why ``value`` is NaN, or empty.
        degenerate: the reason lies in the network (dead, disconnected, not finite), not in our
            inability to read it.
    """

    value: float
    layers: Float[ndarray, " layers"]
    names: tuple[str, ...]
    note: str = ""
    degenerate: bool = False


@dataclass(frozen=True)
class Proxy:
    """A training-free score: pure functions between a probe's evidence and one number.

    Attributes:
        name: also the name of its file.
        reads: name of the probe whose evidence it takes.
        measure: evidence of one layer in; one number or small matrix on the device out. Proxies
            with the same ``measure`` share its computation.
        layer_score: that statistic, as float64 on the host, to the layer's number. It raises
            ``Unscorable`` where the number is undefined.
        reduce: the vector of shape (layers,) to the score; may raise ``Unscorable`` too.
        combine: all layers' statistics to the score, for a score that is no function of the
            layers' numbers; in place of ``reduce``.
        paper: formula and source.
        higher_is_better: direction.
    """

    name: str
    reads: str
    measure: Measure
    layer_score: Callable[[ndarray], float]
    reduce: Callable[[ndarray], float]
    paper: str
    higher_is_better: bool = True
    combine: Callable[[Sequence[ndarray]], float] | None = None

    def score(self, reading: Reading, column: int) -> LayerScores:
        """The network's score from the statistics in ``column`` of the probe's reading.

        An error of the proxy's own functions is noted too: it costs no other proxy its score.
        """
        try:
            return self._score(reading, column)
        except Exception as error:
            return self.failed(error)

    def _score(self, reading: Reading, column: int) -> LayerScores:
        if column in reading.errors:
            return self.failed(reading.errors[column])
        statistics = reading.statistics[column]
        names = tuple(name for name, _ in statistics)
        vector, note, degenerate = np.full(len(names), np.nan), "", False
        for place, (name, statistic) in enumerate(statistics):
            try:
                vector[place] = self.layer_score(statistic)
            except Unscorable as reason:
                note = note or f"{name}: {reason}"
                degenerate = degenerate or isinstance(reason, Degenerate)
        if note:
            return LayerScores(float("nan"), vector, names, note, degenerate)
        if reading.fault:
            return LayerScores(float("nan"), vector, names, reading.fault, True)
        try:
            if self.combine is None:
                value = float(self.reduce(vector))
            else:
                value = float(self.combine([statistic for _, statistic in statistics]))
        except Unscorable as reason:
            unscored = (float("nan"), vector, names, str(reason))
            return LayerScores(*unscored, isinstance(reason, Degenerate))
        if not np.isfinite(value):
            # Infinity would be the best of all.
            return LayerScores(float("nan"), vector, names, f"the score is {value}")
        return LayerScores(value, vector, names)

    def failed(self, error: Exception) -> LayerScores:
        """The result for a network whose probe raised."""
        name = "" if isinstance(error, Unscorable) else f"{type(error).__name__}: "
        degenerate = isinstance(error, Degenerate)
        return LayerScores(float("nan"), np.empty(0), (), f"{name}{error}", degenerate)


def mean_of(draws: Sequence[LayerScores]) -> LayerScores:
    """One network's scores averaged over draws of its weights and inputs.

    The layers' numbers are those of the first draw where not all draws have the same layers, as in
    a network of random depth.

    Args:
        draws: of one proxy, one or more; the first that has no value stands for all.
    """
    unscored = next((scores for scores in draws if scores.note), None)
    if unscored is not None or len(draws) == 1:
        return unscored or draws[0]
    value = float(np.mean([scores.value for scores in draws]))
    alike = all(scores.names == draws[0].names for scores in draws)
    layers = np.mean([scores.layers for scores in draws], axis=0) if alike else draws[0].layers
    return replace(draws[0], value=value, layers=layers)


ScoreRow = Mapping[str, LayerScores]
"""All proxies of one network, by name."""
