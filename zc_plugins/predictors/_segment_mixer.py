"""The network of ParZC's public code."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import skip_init

from zc_plugins.predictors._bayesian import BayesianLinear

SEGMENTS, SEGMENT = 16, 16
"""Tokens, and numbers in each, that the first map makes of all statistics."""


class SegmentMixer(nn.Module):
    """A map of all statistics, cut into segments, through perceptrons over channels.

    Nothing but the first map and the mean at the end mixes segments. First and last map of a
    segment are Bayesian, without bias; no term of the loss holds their deviations up.

    Args:
        inputs: statistics of a network.
        width: channels of a segment.
        depth: pairs of perceptrons, of 4 and of 1/2 times the width.
        rng: of the initial weights.
    """

    def __init__(self, inputs: int, width: int, depth: int, rng: torch.Generator) -> None:
        super().__init__()
        self.first = _linear(inputs, SEGMENTS * SEGMENT, rng)
        self.widen = BayesianLinear(SEGMENT, width, rng, bias=False)
        hidden = [size for _ in range(depth) for size in (4 * width, max(1, width // 2))]
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in hidden)
        self.into = nn.ModuleList(_linear(width, size, rng) for size in hidden)
        self.back = nn.ModuleList(_linear(size, width, rng) for size in hidden)
        self.norm = nn.LayerNorm(width)
        self.head = BayesianLinear(width, 1, rng, bias=False)

    def forward(self, statistics: Tensor, rng: torch.Generator) -> Tensor:
        """Of shape (networks, inputs) in, (networks,) out, by a draw of the Bayesian weights."""
        x = self.first(statistics).unflatten(1, (SEGMENTS, SEGMENT))
        x = self.widen(x, rng)  # (networks, segments, width)
        for norm, into, back in zip(self.norms, self.into, self.back, strict=True):
            x = x + back(F.gelu(into(norm(x))))
        found: Tensor = self.head(self.norm(x).mean(dim=1), rng).squeeze(-1)
        return found


def _linear(inputs: int, outputs: int, rng: torch.Generator) -> nn.Module:
    # torch's own initialisation reads the global generator.
    made: nn.Module = skip_init(nn.Linear, inputs, outputs)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.uniform_(-(inputs**-0.5), inputs**-0.5, generator=rng)
    return made
