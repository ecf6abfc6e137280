"""Hard limits on what a network may cost."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from zc_plugins._dry_run import Forward, checked_shape
from zc_plugins.costs.activation_memory import activation_memory
from zc_plugins.costs.flops import flops
from zc_plugins.costs.latency import latency
from zc_plugins.costs.params import params
from zc_plugins.errors import InvalidArgument


@dataclass(frozen=True)
class Budget:
    """Upper limits; None means unlimited, and a cost without a limit is not computed.

    Attributes:
        input_shape: of one sample, without the batch axis.
        params: parameters.
        flops: multiply-adds per sample.
        activation_memory: bytes per sample that training keeps for the backward pass.
        latency: seconds per inference of one sample.
        measure_latency: seconds of a network on the target device; measured here by default.
        forward: how to call the network; ``model(x)`` by default.
    """

    input_shape: tuple[int, ...]
    params: float | None = None
    flops: float | None = None
    activation_memory: float | None = None
    latency: float | None = None
    measure_latency: Callable[[nn.Module], float] | None = None
    forward: Forward | None = None

    def __post_init__(self) -> None:
        checked_shape(self.input_shape)
        for name in ("params", "flops", "activation_memory", "latency"):
            limit = getattr(self, name)
            if limit is not None and not (limit > 0 and math.isfinite(limit)):
                raise InvalidArgument(
                    f"{name}={limit} is no limit: pass a positive number, or None for unlimited"
                )

    def costs(self, model: nn.Module) -> dict[str, float]:
        """The limited costs of the network, in the unit of each limit."""
        shape, forward = self.input_shape, self.forward
        measured: dict[str, Callable[[], float]] = {
            "params": lambda: params(model),
            "flops": lambda: flops(model, shape, forward=forward),
            "activation_memory": lambda: activation_memory(model, shape, forward=forward),
            "latency": lambda: (
                latency(model, shape, forward=forward)
                if self.measure_latency is None
                else self.measure_latency(model)
            ),
        }
        return {
            name: float(cost())
            for name, cost in measured.items()
            if getattr(self, name) is not None
        }

    def excess(self, costs: dict[str, float]) -> dict[str, float]:
        """``cost / limit - 1`` for each limited cost: at most 0 where the network is admitted."""
        return {name: cost / getattr(self, name) - 1 for name, cost in costs.items()}

    def admits(self, model: nn.Module) -> bool:
        """Whether the network keeps every limit."""
        return all(excess <= 0 for excess in self.excess(self.costs(model)).values())
