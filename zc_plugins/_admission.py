"""Whether an architecture of a space is within a budget, asked before any probe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import nn

from zc_plugins._seeding import seeded
from zc_plugins.costs.budget import Budget
from zc_plugins.spaces import Priced, SearchSpace
from zc_plugins.spaces.module import ModuleSpace, checked_module


@dataclass(frozen=True)
class Verdict:
    """What was found out about an architecture.

    Attributes:
        admitted: whether every limit holds.
        costs: in the unit of each limit, in the order asked; none follows one that is over.
        reason: why it is not admitted: the cost that is over, or the error; else empty.
        counted: False if it could not be built, or a cost not be computed.
    """

    admitted: bool
    costs: dict[str, float]
    reason: str = ""
    counted: bool = True


@dataclass(frozen=True)
class Admission:
    """Holds the architectures of a space to a budget, each cost in the cheapest way there is.

    A ``Priced`` space tells parameters, and multiply-adds of the plain forward, without a network.
    The other counts read a network on the meta device, or a real one where that fails. Latency is
    asked last and takes a real one. Nothing is built twice, or before it is needed. Global
    generators are left as they were.

    Args:
        space: builds the architectures.
        budget: the limits.
        device: on which latency is measured; where the builder puts the network if None.
    """

    space: SearchSpace[Any]
    budget: Budget
    device: torch.device | None = None

    def verdict(self, architecture: Any) -> Verdict:
        """The limited costs up to the first that is over; an error is a verdict too."""
        networks = _Networks(self.space, architecture, self.device)
        costs: dict[str, float] = {}
        try:
            for name in self.budget.limited:
                costs[name] = self._cost(name, architecture, networks)
                if not self.budget.keeps(name, costs[name]):
                    limit = getattr(self.budget, name)
                    return Verdict(
                        False, costs, f"over budget: {name} {costs[name]:g} over {limit:g}"
                    )
        except Exception as error:
            return Verdict(False, costs, f"{type(error).__name__}: {error}", counted=False)
        return Verdict(True, costs)

    def _cost(self, name: str, architecture: Any, networks: _Networks) -> float:
        space, budget = self.space, self.budget
        if isinstance(space, Priced):
            if name == "params":
                return float(space.params(architecture))
            if name == "flops" and budget.forward is None:
                return float(space.flops(architecture, budget.input_shape))
        # Around the measuring too: the user's own measure may draw an input.
        with torch.inference_mode(False), seeded(0, self.device):
            if name == "latency":
                return budget.cost(name, networks.placed)
            return networks.counted(lambda network: budget.cost(name, network))


class _Networks:
    """The networks of one architecture, each built when it is first asked for."""

    def __init__(
        self, space: SearchSpace[Any], architecture: Any, device: torch.device | None
    ) -> None:
        self._space, self._architecture, self._device = space, architecture, device
        # A user's builder may keep tensors for its next call, or have effects.
        self._on_meta = not isinstance(space, ModuleSpace)

    def counted(self, count: Callable[[nn.Module], float]) -> float:
        """A count of the network on the meta device; of the real one where that fails."""
        if self._on_meta:
            try:
                return count(self._weightless)
            except Exception:
                # Whatever the reason on the meta device, the real one has the last word.
                self._on_meta = False
        return count(self._real)

    @cached_property
    def placed(self) -> nn.Module:
        """The real network, on the device."""
        return self._real if self._device is None else self._real.to(self._device)

    @cached_property
    def _weightless(self) -> nn.Module:
        with torch.device("meta"):
            return checked_module(self._space.build(self._architecture))

    @cached_property
    def _real(self) -> nn.Module:
        return checked_module(self._space.build(self._architecture))
