"""No pass over data: the network's size and arithmetic, counted on the meta device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from torch import nn

from zc_plugins.costs.flops import flops
from zc_plugins.costs.params import params
from zc_plugins.probes._probe import Excitation, Gathered, Measure, Reading, to_host


class CostEvidence:
    """Costs of the whole network; what is not asked for is not counted."""

    def __init__(self, model: nn.Module, excitation: Excitation) -> None:
        self._model, self._excitation = model, excitation

    @cached_property
    def flops(self) -> int:
        """Multiply-adds per sample."""
        excitation = self._excitation
        shape, forward = excitation.input_shape, excitation.forward
        return flops(self._model, shape, forward=forward, dtype=excitation.integer_dtype)

    @cached_property
    def params(self) -> int:
        """Number of parameters."""
        return params(self._model)


def cost(
    model: nn.Module, excitation: Excitation, measures: Sequence[Measure], *, seed: int
) -> Reading:
    """One ``CostEvidence`` of the whole network, under the layer name ``"network"``.

    Raises:
        InputShapeMismatch: if the network refuses the input.
    """
    evidence = CostEvidence(model, excitation)
    gathered = Gathered(measures)
    gathered.read("network", evidence)
    reading = to_host(gathered.layers, gathered.columns)
    return replace(reading, errors=gathered.errors)
