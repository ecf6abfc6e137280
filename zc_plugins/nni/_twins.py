"""Samples that differ in what does not matter, and so make one network."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import nn

from zc_plugins._identity import fingerprint
from zc_plugins._seeding import seeded
from zc_plugins.nni.model_space import NniSpace, written


class Twins:
    """Tells whether a sample makes a network that another one has made already.

    The depth of a part that was not chosen is a label like any other to NNI, and matters to
    nothing. Two samples are twins if all their scores are equal to the last digit and their
    networks print alike: layers, parameters, and the plain attributes of each module. Networks are
    built only where scores tie. Labels of the evaluator (a learning rate) have to be equal too. A
    sample without a score is nobody's twin.

    Args:
        space: builds the networks.
        known: samples with their scores, as ``state`` told them.
    """

    def __init__(
        self, space: NniSpace, known: Iterable[tuple[Mapping[str, Any], Sequence[float]]] = ()
    ) -> None:
        self._space = space
        self._tied: dict[tuple[float, ...], list[dict[str, Any]]] = {}
        self._prints: dict[str, str] = {}
        for sample, scores in known:
            self.add(sample, scores)

    def has(self, sample: Mapping[str, Any], scores: Sequence[float]) -> bool:
        """Whether a sample that was added makes the same network."""
        tied = self._tied.get(tuple(scores), []) if _comparable(scores) else []
        return any(self._print(each) == self._print(sample) for each in tied)

    def add(self, sample: Mapping[str, Any], scores: Sequence[float]) -> None:
        """Let later ones be compared with the sample."""
        if _comparable(scores):
            self._tied.setdefault(tuple(scores), []).append(dict(sample))

    def state(self) -> list[tuple[dict[str, Any], list[float]]]:
        """The samples that were added, with their scores."""
        return [(sample, list(scores)) for scores, tied in self._tied.items() for sample in tied]

    def _print(self, sample: Mapping[str, Any]) -> str:
        """All that is told of a network, and what the evaluator is given beside it."""
        architecture = self._space.of(sample)
        inside = {label for label, _ in architecture.pairs}
        beside = {k: written(v) for k, v in sorted(sample.items()) if k not in inside}
        beside = {k: v for k, v in beside.items() if not isinstance(sample[k], Mapping)}
        text = json.dumps([architecture.pairs, beside])
        if text not in self._prints:
            with seeded(0):
                network = self._space.build(architecture)
            self._prints[text] = f"{json.dumps(beside)}\n{_print(network)}"
        return self._prints[text]


def _comparable(scores: Sequence[float]) -> bool:
    return not any(math.isnan(score) for score in scores)


def _print(network: nn.Module) -> str:
    shapes = [(name, tuple(parameter.shape)) for name, parameter in network.named_parameters()]
    # Wiring is often an attribute, as in NAS-Bench-101's cells, and not in the text of a module.
    plain = [
        fingerprint({k: v for k, v in vars(module).items() if not k.startswith("_")})
        for module in network.modules()
    ]
    return f"{network!r}\n{shapes}\n{plain}"
