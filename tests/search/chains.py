"""A space of small networks that is quick to search: four hidden layers, each of a width."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from torch import nn

WIDTHS = range(1, 9)
INPUTS = 4

Chain = tuple[int, ...]


class Chains:
    """Linear layers with ReLU between them. Priced."""

    def __init__(self, scale: int = 1) -> None:
        self.scale = scale

    @property
    def name(self) -> str:
        return f"chains-{self.scale}"

    def sample(self, rng: np.random.Generator) -> Chain:
        return tuple(int(width) for width in rng.choice(WIDTHS, 4))

    def mutate(self, architecture: Chain, rng: np.random.Generator) -> Chain:
        place = int(rng.integers(4))
        others = [width for width in WIDTHS if width != architecture[place]]
        changed = list(architecture)
        changed[place] = others[int(rng.integers(len(others)))]
        return tuple(changed)

    def suggest(self, trial: Any) -> Chain:
        return tuple(trial.suggest_int(f"width_{place}", 1, 8) for place in range(4))

    def parameters(self, architecture: Chain) -> dict[str, int]:
        return {f"width_{place}": width for place, width in enumerate(architecture)}

    def encode(self, architecture: Chain) -> str:
        return "-".join(map(str, architecture))

    def decode(self, text: str) -> Chain:
        return tuple(map(int, text.split("-")))

    def canonical(self, architecture: Chain) -> Chain:
        return architecture

    def build(self, architecture: Chain) -> nn.Module:
        sizes = [INPUTS, *(self.scale * width for width in architecture), 2]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    def params(self, architecture: Chain) -> int:
        return self.flops(architecture, (INPUTS,)) + self.scale * sum(architecture) + 2

    def flops(self, architecture: Chain, input_shape: tuple[int, ...]) -> int:
        sizes = [INPUTS, *(self.scale * width for width in architecture), 2]
        return sum(i * o for i, o in pairwise(sizes))
