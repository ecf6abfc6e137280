"""A network that mixes node-wise statistics over slots and over channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zc_plugins.predictors._bayesian import BayesianLinear, Perceptron


class SlotMixer(nn.Module):
    """An MLP-Mixer over slots; all its maps are Bayesian.

    Each slot becomes a token: its numbers, which of them are there, and what slot it is. Blocks mix
    first over slots, then over channels; the mean over tokens is read by a linear map.

    Args:
        slots: of the training set.
        proxies: numbers a slot.
        width: channels.
        hidden: of the mixing over slots.
        depth: blocks.
        rng: of the initial weights.
    """

    def __init__(
        self, slots: int, proxies: int, width: int, hidden: int, depth: int, rng: torch.Generator
    ) -> None:
        super().__init__()
        self.embed = BayesianLinear(2 * proxies, width, rng)
        self.place = nn.Parameter(0.1 * torch.empty(slots, width).normal_(generator=rng))
        self.over_slots = nn.ModuleList(Perceptron(slots, hidden, rng) for _ in range(depth))
        self.over_channels = nn.ModuleList(Perceptron(width, 2 * width, rng) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = BayesianLinear(width, 1, rng)
        self.log_noise = nn.Parameter(torch.tensor(-1.0))

    def forward(self, tokens: Tensor, rng: torch.Generator | None) -> Tensor:
        """Numbers and masks of shape (networks, slots, 2 proxies) in, (networks,) out."""
        x = self.embed(tokens, rng) + self.place  # (networks, slots, width)
        for over_slots, over_channels in zip(self.over_slots, self.over_channels, strict=True):
            x = over_slots(x.transpose(1, 2), rng).transpose(1, 2)
            x = over_channels(x, rng)
        found: Tensor = self.head(self.norm(x).mean(dim=1), rng).squeeze(-1)
        return found

    @property
    def noise(self) -> Tensor:
        """Standard deviation of a label that remains when all weights are known."""
        return F.softplus(self.log_noise)
