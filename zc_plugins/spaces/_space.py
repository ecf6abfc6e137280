"""What a search space is."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from torch import nn

Architecture = TypeVar("Architecture")


@runtime_checkable
class SearchSpace(Protocol[Architecture]):
    """Architectures as values: hashable, printable, buildable."""

    @property
    def name(self) -> str:
        """Identity of the space with its settings: equal names, equal networks."""
        ...

    def sample(self, rng: np.random.Generator) -> Architecture:
        """A random architecture."""
        ...

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A neighbour: one random choice made anew."""
        ...

    def build(self, architecture: Architecture) -> nn.Module:
        """The network, with fresh weights from torch's global generator."""
        ...

    def suggest(self, trial: Any) -> Architecture:
        """The architecture that a trial of Optuna chooses."""
        ...

    def encode(self, architecture: Architecture) -> str:
        """The architecture as text; ``decode`` is its inverse."""
        ...

    def decode(self, text: str) -> Architecture:
        """The architecture that ``encode`` wrote."""
        ...

    def canonical(self, architecture: Architecture) -> Architecture:
        """One representative of all architectures that compute the same; its text is the key."""
        ...


@runtime_checkable
class Priced(Protocol):
    """A space that tells what an architecture costs without building it."""

    def params(self, architecture: Any) -> int:
        """Parameters, as ``costs.params`` counts those of the network."""
        ...

    def flops(self, architecture: Any, input_shape: tuple[int, ...]) -> int:
        """Multiply-adds per sample, as ``costs.flops`` counts those of ``model(x)``."""
        ...


@runtime_checkable
class Suggestible(Protocol[Architecture]):
    """A space that can tell which parameters of a trial make a given architecture."""

    def suggest(self, trial: Any) -> Architecture:
        """The architecture that a trial of Optuna chooses."""
        ...

    def parameters(self, architecture: Architecture) -> dict[str, Any]:
        """All that a trial must hold for ``suggest`` to give the architecture, by name."""
        ...
