"""Hard limits on what a network may cost."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from zc_plugins._dry_run import Forward, checked_shape
from zc_plugins.costs.activation_memory import activation_memory
from zc_plugins.costs.depth import depth
from zc_plugins.costs.flops import flops
from zc_plugins.costs.latency import latency
from zc_plugins.costs.params import params
from zc_plugins.errors import InvalidArgument

_LIMITS = ("params", "flops", "depth", "activation_memory", "latency")
"""The cheapest cost first."""


@dataclass(frozen=True)
class Budget:
    """Upper limits; None means unlimited, and a cost without a limit is not computed.

    Attributes:
        input_shape: of one sample, without the batch axis.
        params: parameters.
        flops: multiply-adds per sample.
        activation_memory: bytes per sample that training keeps for the backward pass.
        latency: seconds per batch of ``batch_size`` samples, in inference.
        measure_latency: seconds of a network on the target device; measured here by default.
        forward: how to call the network; ``model(x)`` by default.
        depth: weighted layers on the longest path.
        batch_size: samples per pass when latency is measured here.

    Raises:
        InvalidArgument: if a limit, the shape or the batch size is not positive.
    """

    input_shape: tuple[int, ...]
    params: float | None = None
    flops: float | None = None
    activation_memory: float | None = None
    latency: float | None = None
    measure_latency: Callable[[nn.Module], float] | None = None
    forward: Forward | None = None
    depth: float | None = None
    batch_size: int = 1

    def __post_init__(self) -> None:
        checked_shape(self.input_shape)
        for name in self.limited:
            limit = getattr(self, name)
            if not (limit > 0 and math.isfinite(limit)):
                raise InvalidArgument(
                    f"{name}={limit} is no limit: pass a positive number, or None for unlimited"
                )
        if self.batch_size < 1:
            raise InvalidArgument(f"batch_size={self.batch_size}: pass 1 or more")

    @property
    def limited(self) -> tuple[str, ...]:
        """Names of the costs that have a limit, the cheapest to compute first."""
        return tuple(name for name in _LIMITS if getattr(self, name) is not None)

    def cost(self, name: str, model: nn.Module) -> float:
        """One cost of the network, in the unit of its limit; ``name`` is one of ``limited``."""
        shape, forward = self.input_shape, self.forward
        measures: dict[str, Callable[[], float]] = {
            "params": lambda: params(model),
            "flops": lambda: flops(model, shape, forward=forward),
            "depth": lambda: depth(model, shape, forward=forward),
            "activation_memory": lambda: activation_memory(model, shape, forward=forward),
            "latency": lambda: (
                latency(model, shape, batch_size=self.batch_size, forward=forward)
                if self.measure_latency is None
                else self.measure_latency(model)
            ),
        }
        return float(measures[name]())

    def costs(self, model: nn.Module) -> dict[str, float]:
        """All limited costs of the network, in the unit of each limit."""
        return {name: self.cost(name, model) for name in self.limited}

    def excess(self, costs: dict[str, float]) -> dict[str, float]:
        """``cost / limit - 1`` for each limited cost: at most 0 where the network is admitted."""
        return {name: cost / getattr(self, name) - 1 for name, cost in costs.items()}

    def keeps(self, name: str, cost: float) -> bool:
        """Whether one cost is within its limit; NaN is not."""
        return cost <= float(getattr(self, name))

    def admits(self, model: nn.Module) -> bool:
        """Whether the network keeps every limit; after the first that it breaks, none is asked."""
        return all(self.keeps(name, self.cost(name, model)) for name in self.limited)
