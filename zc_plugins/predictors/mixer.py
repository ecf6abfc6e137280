"""A Bayesian mixer over node-wise statistics, after ParZC."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zc_plugins._optional import require
from zc_plugins._read_json import read_json
from zc_plugins._seeding import generator
from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument, MissingStatistic, ReferenceMismatch
from zc_plugins.losses import diff_kendall
from zc_plugins.predictors._bayesian import divergence
from zc_plugins.predictors._descent import Descent, squared_error
from zc_plugins.predictors._normal_scores import NormalScores
from zc_plugins.predictors._predictor import Prediction, Predictor
from zc_plugins.predictors._slot_mixer import SlotMixer
from zc_plugins.predictors._slots import Slots
from zc_plugins.predictors._training import of_the_live, training_set
from zc_plugins.scores import ScoreTable

CPU = torch.device("cpu")


def mixer(
    proxies: Sequence[str] | None = None,
    *,
    width: int = 24,
    hidden: int = 64,
    depth: int = 1,
    epochs: int = 60,
    tempering: float = 0.3,
    order: float = 0.0,
    draws: int = 8,
    seed: int = 0,
) -> Predictor:
    """Learns from vectors over layers, not from the scores that they are reduced to.

    Layers lie over each other by name, with masks where a network has none, and their numbers are
    logarithms; blocks mix over slots and over channels. Weights have a variational posterior, which
    is fitted by the likelihood of the labels' normal scores and its KL divergence from the prior;
    training stops early by a part of the training labels. ``mixer_authors`` is what it improves on.

    Args:
        proxies: whose vectors are read; all of the table with more than one number where None.
            Their layers should have common names: one slot more for each name takes time.
        width: channels of a slot.
        hidden: units that mix slots.
        depth: blocks.
        epochs: at most.
        tempering: of the divergence; 1 is Bayes' rule, which keeps to the prior with few labels.
        order: weight of ``diff_kendall`` beside the likelihood.
        draws: of all weights, for mean and standard deviation.
        seed: of weights, split and draws.

    Returns:
        A predictor whose fitted form has ``save``; ``load`` reads it back.

    Raises:
        InvalidArgument: if a size is not positive.

    References:
        Dong et al., ParZC: Parametric Zero-Cost Proxies for Efficient NAS, 2024, arXiv:2402.02105;
        Blundell et al., Weight uncertainty in neural networks, ICML 2015.
    """
    if min(width, hidden, depth, epochs) < 1 or draws < 2:
        raise InvalidArgument(
            f"width={width}, hidden={hidden}, depth={depth}, epochs={epochs}, draws={draws}: pass "
            "positive numbers, 2 draws or more"
        )
    read = None if proxies is None else tuple(proxies)
    return Mixer(read, width, hidden, depth, epochs, tempering, order, draws, seed)


@dataclass(frozen=True)
class Mixer:
    """See ``mixer``."""

    proxies: tuple[str, ...] | None
    width: int
    hidden: int
    depth: int
    epochs: int
    tempering: float
    order: float
    draws: int
    seed: int

    def fit(self, table: ScoreTable, accuracy: Float[ndarray, " candidates"]) -> FittedMixer:
        """See ``Predictor``."""
        table, accuracy = training_set(table, accuracy)
        missing = [name for name in self.proxies or () if name not in table.layers]
        slots = Slots.of(table, self.proxies) if not missing else None
        if slots is None or not slots.proxies:
            raise MissingStatistic(f"the table has no vectors over layers {missing}: score them")
        numbers = slots.read(table)
        labels = NormalScores.of(accuracy)
        rng = generator(self.seed, CPU)
        network = self.network(slots, rng)
        scale = _scale(numbers)
        tokens = _tokens(numbers, scale)
        target = torch.as_tensor(labels.to(accuracy), dtype=torch.float32)

        def loss(net: SlotMixer, inputs: Tensor, wanted: Tensor) -> Tensor:
            found, noise = net(inputs, rng), net.noise
            likelihood = ((found - wanted) / noise).square().mean() / 2 + noise.log()
            total: Tensor = likelihood + self.tempering * divergence(net) / len(target)
            if self.order:
                total = total + self.order * diff_kendall(found, wanted, temperature=0.5)
            return total

        def error(net: SlotMixer, inputs: Tensor, wanted: Tensor) -> float:
            return squared_error(net(inputs, None), wanted)

        descent = Descent(self.epochs, rate=3e-3, decay=1e-3)
        network, out = descent.train(network, tokens, target, loss, error, self.seed)
        fitted = FittedMixer(self, slots, scale, labels, network, 1.0)
        if not len(out):
            return fitted
        mean, std = fitted.drawn(tokens[out])
        off = float(np.sqrt((((target[out].numpy() - mean) / std) ** 2).mean()))
        # Few labels tell how far off, and they chose when to stop: they only widen, at most twice.
        return FittedMixer(self, slots, scale, labels, network, float(np.clip(off, 1.0, 2.0)))

    def network(self, slots: Slots, rng: torch.Generator) -> SlotMixer:
        """With initial weights."""
        shape = (len(slots.names), len(slots.proxies))
        return SlotMixer(*shape, self.width, self.hidden, self.depth, rng)


@dataclass(frozen=True, eq=False)
class FittedMixer:
    """A trained mixer.

    Attributes:
        mixer: its settings.
        slots: of the training set.
        scale: shape (2, slots, proxies), mean and deviation of the numbers.
        labels: between accuracies and normal scores.
        network: trained.
        widening: of the standard deviation, by the labels that training left out.
    """

    mixer: Mixer
    slots: Slots
    scale: Float[ndarray, "2 slots proxies"]
    labels: NormalScores
    network: SlotMixer
    widening: float

    def predict(self, table: ScoreTable) -> Prediction:
        """See ``Fitted``."""
        missing = [name for name in self.slots.proxies if name not in table.layers]
        if missing:
            raise ReferenceMismatch(f"the table lacks vectors of {missing}: score with them")
        if not len(table):
            return Prediction(np.empty(0), np.empty(0))
        mean, std = self.drawn(_tokens(self.slots.read(table), self.scale))
        return of_the_live(table, self.labels.back(mean, self.widening * std))

    @torch.no_grad()
    def drawn(self, tokens: Tensor) -> tuple[ndarray, ndarray]:
        """Mean and standard deviation of normal scores; the draws are the same in every call."""
        rng = generator(self.mixer.seed + 1, CPU)
        found = torch.stack([self.network(tokens, rng) for _ in range(self.mixer.draws)]).double()
        spread = (found.var(dim=0) + self.network.noise.double().square()).sqrt()
        return found.mean(dim=0).numpy(), spread.numpy()

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, settings and names as JSON in its header.

        Raises:
            MissingExtra: without safetensors.
        """
        tensors = {f"network.{n}": t.contiguous() for n, t in self.network.state_dict().items()}
        tensors["scale"] = torch.from_numpy(self.scale)
        tensors["accuracies"] = torch.from_numpy(self.labels.accuracies)
        tensors["scores"] = torch.from_numpy(self.labels.scores)
        told = {"mixer": asdict(self.mixer), "slots": asdict(self.slots), "widening": self.widening}
        written = {"zc_plugins.predictors.mixer": json.dumps(told)}
        require("safetensors.torch", extra="predictors").save_file(tensors, path, written)


def load(path: str | Path) -> FittedMixer:
    """A mixer that ``FittedMixer.save`` wrote; it predicts the same numbers.

    Raises:
        InvalidArgument: if the file is another.
        MissingExtra: without safetensors.
    """
    safetensors = require("safetensors", extra="predictors")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            told = read_json((file.metadata() or {})["zc_plugins.predictors.mixer"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return _restored(told, tensors)
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InvalidArgument(f"{path} holds no mixer: pass what save wrote ({error})") from error


def _restored(told: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> FittedMixer:
    settings: dict[str, Any] = {
        n: tuple(v) if isinstance(v, list) else v for n, v in told["mixer"].items()
    }
    made = Mixer(**settings)
    slots = Slots(*(tuple(told["slots"][name]) for name in ("proxies", "names", "units")))
    network = made.network(slots, generator(0, CPU))
    weights = {n[8:]: t for n, t in tensors.items() if n.startswith("network.")}
    network.load_state_dict(weights)
    labels = NormalScores(tensors["accuracies"].numpy(), tensors["scores"].numpy())
    return FittedMixer(made, slots, tensors["scale"].numpy(), labels, network, told["widening"])


def _scale(numbers: Float[ndarray, "candidates slots proxies"]) -> ndarray:
    """Mean of each slot's numbers, and their deviation over all slots; 0 and 1 where none is."""
    here = np.isfinite(numbers)
    count = here.sum(axis=0)
    mean = np.where(here, numbers, 0.0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(here, numbers - mean, 0.0) ** 2
    std = np.sqrt(squares.sum(axis=(0, 1)) / np.maximum(count.sum(axis=0), 1))
    return np.stack([mean, np.broadcast_to(np.where(std > 1e-9, std, 1.0), mean.shape)])


def _tokens(numbers: ndarray, scale: ndarray) -> Tensor:
    """Numbers and masks, of shape (candidates, slots, 2 proxies)."""
    here = np.isfinite(numbers)
    scaled = np.where(here, (numbers - scale[0]) / scale[1], 0.0)
    return torch.as_tensor(np.concatenate([scaled, here], axis=2), dtype=torch.float32)
