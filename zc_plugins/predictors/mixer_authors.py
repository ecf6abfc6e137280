"""ParZC's mixer, as its authors' public code has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from zc_plugins._seeding import generator
from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument, MissingStatistic, ReferenceMismatch
from zc_plugins.losses import diff_kendall
from zc_plugins.predictors._flushed import flushed
from zc_plugins.predictors._normal_scores import NormalScores
from zc_plugins.predictors._predictor import Fitted, Prediction, Predictor
from zc_plugins.predictors._segment_mixer import SegmentMixer
from zc_plugins.predictors._training import of_the_live, training_set
from zc_plugins.scores import ScoreTable

CPU = torch.device("cpu")
TEMPERATURE = 4.0
"""Of both differences; the code's tanh(.5 d / 2)."""


def mixer_authors(
    proxies: Sequence[str] = ("grad_norm", "snip", "synflow"),
    *,
    width: int = 512,
    depth: int = 4,
    epochs: int = 200,
    rate: float = 1e-4,
    batch: int = 10,
    seed: int = 0,
) -> Predictor:
    """The mixer alone of ParZC, to compare ``mixer`` with.

    Statistics are scaled to [0, 1] within each network and padded with zeros at the tail. We follow
    the code where it differs from what the paper is said to have: the posterior has no divergence
    term, no block mixes segments, and a prediction is one draw of the weights. Written from a
    description of that code, not from the code. Unlike it: the loss counts each pair once (there
    twice, a factor that Adam takes out again but for its weight decay); the draw is the same in
    each call; the output is put on the scale of the labels by the training set, whose errors, too
    small, give the standard deviation. The published numbers on NAS-Bench-201 are of this mixer
    joined to a transformer over the cell's graph, which is not here.

    Args:
        proxies: whose vectors are read.
        width: channels of a segment. The published 512 takes minutes on a CPU core.
        depth: pairs of perceptrons.
        epochs: passes over the training set.
        rate: initial, of Adam, on a cosine.
        batch: candidates a step.
        seed: of weights, order and draws.

    Raises:
        InvalidArgument: if a size is not positive.

    References:
        Dong et al., ParZC: Parametric Zero-Cost Proxies for Efficient NAS, 2024, arXiv:2402.02105.
    """
    if min(width, depth, epochs) < 1 or batch < 2:
        raise InvalidArgument(
            f"width={width}, depth={depth}, epochs={epochs}, batch={batch}: pass positive numbers, "
            "2 a batch or more"
        )
    return MixerAuthors(tuple(proxies), width, depth, epochs, rate, batch, seed)


@dataclass(frozen=True)
class MixerAuthors:
    """See ``mixer_authors``."""

    proxies: tuple[str, ...]
    width: int
    depth: int
    epochs: int
    rate: float
    batch: int
    seed: int

    def fit(self, table: ScoreTable, accuracy: Float[ndarray, " candidates"]) -> Fitted:
        """See ``Predictor``."""
        table, accuracy = training_set(table, accuracy)
        missing = [name for name in self.proxies if name not in table.layers]
        if missing:
            raise MissingStatistic(f"the table has no vectors of {missing}: score with them")
        lengths = tuple(max(map(len, table.layers[proxy])) for proxy in self.proxies)
        with flushed():
            network = self._trained(_padded(table, self.proxies, lengths), accuracy)
        labels = NormalScores.of(accuracy)
        fitted = _Scaled(self, lengths, network, labels, 1.0, 0.0, 1.0)
        seen, target = fitted.drawn(table), labels.to(accuracy)
        varied = float(seen.var())
        slope = max(float(np.mean((seen - seen.mean()) * target)) / max(varied, 1e-12), 1e-6)
        error = max(float(np.std(target - slope * seen)), 1e-6)
        return _Scaled(self, lengths, network, labels, slope, float(seen.mean()), error)

    def _trained(self, numbers: ndarray, accuracy: ndarray) -> SegmentMixer:
        rng, order = generator(self.seed, CPU), np.random.default_rng(self.seed)
        network = SegmentMixer(numbers.shape[1], self.width, self.depth, rng)
        inputs = torch.as_tensor(numbers, dtype=torch.float32)
        spread = float(accuracy.std()) or 1.0
        target = torch.as_tensor((accuracy - accuracy.mean()) / spread, dtype=torch.float32)
        # Fused, a step at the published width takes two thirds of the time.
        optimizer = torch.optim.Adam(
            network.parameters(), lr=self.rate, weight_decay=1e-3, fused=True
        )
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.epochs)
        batches = max(1, len(target) // self.batch)
        for _ in range(self.epochs):
            for part in np.array_split(order.permutation(len(target)), batches):
                optimizer.zero_grad()
                loss = diff_kendall(
                    network(inputs[part], rng), target[part],
                    temperature=TEMPERATURE, accuracy_temperature=TEMPERATURE,
                )  # fmt: skip
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            cosine.step()
        return network


@dataclass(frozen=True, eq=False)
class _Scaled:
    """A trained mixer, and a straight line from its output to normal scores."""

    mixer: MixerAuthors
    lengths: tuple[int, ...]
    network: SegmentMixer
    labels: NormalScores
    slope: float
    centre: float
    error: float

    def predict(self, table: ScoreTable) -> Prediction:
        """See ``Fitted``."""
        missing = [name for name in self.mixer.proxies if name not in table.layers]
        if missing:
            raise ReferenceMismatch(f"the table lacks vectors of {missing}: score with them")
        if not len(table):
            return Prediction(np.empty(0), np.empty(0))
        mean = self.slope * (self.drawn(table) - self.centre)
        return of_the_live(table, self.labels.back(mean, np.full(len(table), self.error)))

    @torch.no_grad()
    def drawn(self, table: ScoreTable) -> Float[ndarray, " candidates"]:
        """The network's output."""
        numbers = _padded(table, self.mixer.proxies, self.lengths)
        inputs = torch.as_tensor(numbers, dtype=torch.float32)
        found = self.network(inputs, generator(self.mixer.seed + 1, CPU))
        return np.asarray(found.double().numpy())


def _padded(
    table: ScoreTable, proxies: Sequence[str], lengths: Sequence[int]
) -> Float[ndarray, "candidates statistics"]:
    """Each network's vectors scaled to [0, 1], with zeros at the tail; what is longer is cut."""
    columns = []
    for proxy, length in zip(proxies, lengths, strict=True):
        numbers = np.zeros((len(table), length))
        for row, vector in enumerate(table.layers[proxy]):
            low, high = np.nanmin(vector, initial=np.inf), np.nanmax(vector, initial=-np.inf)
            scaled = (vector - low) / (high - low) if high > low else np.zeros(len(vector))
            kept = np.nan_to_num(scaled)[:length]
            numbers[row, : len(kept)] = kept
        columns.append(numbers)
    return np.concatenate(columns, axis=1)
