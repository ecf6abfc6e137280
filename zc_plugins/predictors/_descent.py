"""Gradient descent that stops early, by labels that it leaves out of the training set."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from zc_plugins._shapes import Int, ndarray

Network = TypeVar("Network", bound=nn.Module)

LEFT_OUT, FEWEST = 0.15, 4
"""Share of the labels that tell when to stop; with fewer than so many, descent goes to its end."""


@dataclass(frozen=True)
class Descent:
    """How a network is trained.

    Attributes:
        epochs: passes over the training set, at most.
        rate: greatest learning rate of AdamW, one cycle over all epochs.
        decay: of the weights.
        batch: candidates a step; all where None.
        every: epochs between looks at the labels that were left out.
    """

    epochs: int
    rate: float
    decay: float
    batch: int | None = None
    every: int = 5

    def train(
        self,
        network: Network,
        inputs: Tensor,
        target: Tensor,
        loss: Callable[[Network, Tensor, Tensor], Tensor],
        error: Callable[[Network, Tensor, Tensor], float],
        seed: int,
    ) -> tuple[Network, Int[ndarray, " left_out"]]:
        """Train in place.

        Args:
            network: to train.
            inputs: of shape (candidates, ...).
            target: of shape (candidates,).
            loss: of a batch, differentiable.
            error: of the labels that were left out; the least decides.
            seed: of the split and the order.

        Returns:
            The network with the weights of the best look, and the places that were left out.
        """
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(target))
        aside = int(LEFT_OUT * len(target))
        out, rows = (order[:aside], order[aside:]) if aside >= FEWEST else (order[:0], order)
        batch = self.batch or len(rows)
        optimizer = torch.optim.AdamW(network.parameters(), lr=self.rate, weight_decay=self.decay)
        steps = self.epochs * -(-len(rows) // batch)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, self.rate, total_steps=steps)
        best: tuple[float, dict[str, Any]] = (np.inf, {})
        for epoch in range(1, self.epochs + 1):
            for part in np.array_split(rng.permutation(rows), -(-len(rows) // batch)):
                optimizer.zero_grad()
                loss(network, inputs[part], target[part]).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                cycle.step()
            if len(out) and (epoch % self.every == 0 or epoch == self.epochs):
                with torch.no_grad():
                    found = error(network, inputs[out], target[out])
                if found < best[0]:
                    best = (found, copy.deepcopy(network.state_dict()))
        if best[1]:
            network.load_state_dict(best[1])
        return network, out


def squared_error(predicted: Tensor, target: Tensor) -> float:
    """Mean, as a number."""
    return float((predicted - target).square().mean())
