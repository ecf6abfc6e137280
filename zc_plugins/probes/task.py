"""Gradients of the loss of a labelled batch at the weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from zc_plugins.probes._layout import exact
from zc_plugins.probes._probe import Excitation, Gathered, Measure
from zc_plugins.probes._shared_pass import Run, SharedProbe


@dataclass(frozen=True)
class WeightEvidence:
    """One parameter after the sweep from the loss.

    Attributes:
        name: of the layer; parameters that are no weight matrix carry their own.
        is_matrix: the weight of a convolution, linear, recurrent or attention layer, which is what
            most proxies read; False for biases, normalisation, embeddings.
        weight: any shape.
        gradient: of the loss, the weight's shape; zero where none arrives.
    """

    name: str
    is_matrix: bool
    weight: Tensor
    gradient: Tensor


class TaskStage:
    """One sweep from the loss to all parameters."""

    graph: ClassVar[str] = "weights"

    def __init__(
        self, model: nn.Module, excitation: Excitation, measures: Sequence[Measure]
    ) -> None:
        self.gathered = Gathered(measures)

    def attach(self, run: Run) -> Iterator[Any]:
        """Nothing is hooked."""
        return iter(())

    def finish(self, run: Run) -> None:
        """Sweep back, and read every parameter."""
        gradients = run.gradients
        for name, weight in run.weights.items():
            gradient = gradients[name]
            gradient = torch.zeros_like(weight) if gradient is None else gradient
            matrix = name in run.matrices
            evidence = WeightEvidence(name, matrix, exact(weight.detach()), exact(gradient))
            self.gathered.read(name, evidence)


task = SharedProbe("task", TaskStage)
