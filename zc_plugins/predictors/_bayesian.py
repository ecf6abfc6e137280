"""Linear maps whose weights are normal distributions."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class BayesianLinear(nn.Module):
    """A linear map of weights N(mean, softplus(rho)^2), drawn once a forward pass for all rows.

    Args:
        inputs: width.
        outputs: width.
        rng: of the initial means, uniform in +-1 / sqrt(inputs), Kaiming's with a = sqrt(5).
        rho: initial; -5 is a deviation of .0067.
        bias: whether there is one; it is a plain number, not a distribution.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        rng: torch.Generator,
        *,
        rho: float = -5.0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        drawn = torch.empty(outputs, inputs).uniform_(-bound, bound, generator=rng)
        self.mean = nn.Parameter(drawn)
        self.rho = nn.Parameter(torch.full((outputs, inputs), rho))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x: Tensor, rng: torch.Generator | None) -> Tensor:
        """The map of a draw; of the means where there is no generator."""
        weight: Tensor = self.mean
        if rng is not None:
            noise = torch.empty_like(weight).normal_(generator=rng)
            weight = weight + F.softplus(self.rho) * noise
        return F.linear(x, weight, self.bias)

    def divergence(self) -> Tensor:
        """KL divergence in nats from the prior N(0, 1 / inputs) of each weight."""
        prior = 1 / self.mean.shape[1]
        variance = F.softplus(self.rho).square()
        ratio = variance / prior
        return (ratio + self.mean.square() / prior - 1 - ratio.log()).sum() / 2


def divergence(network: nn.Module) -> Tensor:
    """The KL divergence of all Bayesian maps of a network, in nats."""
    found = [m.divergence() for m in network.modules() if isinstance(m, BayesianLinear)]
    return torch.stack(found).sum()


class Perceptron(nn.Module):
    """Normalisation, one hidden layer, and the input added.

    Args:
        width: of input and output, the last axis.
        hidden: width of the hidden layer.
        rng: of the initial weights.
    """

    def __init__(self, width: int, hidden: int, rng: torch.Generator) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.widen = BayesianLinear(width, hidden, rng)
        self.narrow = BayesianLinear(hidden, width, rng)

    def forward(self, x: Tensor, rng: torch.Generator | None) -> Tensor:
        mixed: Tensor = x + self.narrow(F.gelu(self.widen(self.norm(x), rng)), rng)
        return mixed
