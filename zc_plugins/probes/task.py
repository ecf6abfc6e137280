"""Gradients of the loss of a labelled batch at the weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zc_plugins.probes._layout import exact
from zc_plugins.probes._probe import Gathered
from zc_plugins.probes._shared_pass import Run, SharedProbe, Steps


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


def task_stage(run: Run, gathered: Gathered) -> Steps:
    """One sweep from the loss to all parameters."""
    yield ()
    gradients = run.gradients
    for name, weight in run.weights.items():
        gradient = gradients[name]
        gradient = torch.zeros_like(weight) if gradient is None else gradient
        matrix = name in run.matrices
        evidence = WeightEvidence(name, matrix, exact(weight.detach()), exact(gradient))
        gathered.read(name, evidence)


task = SharedProbe("task", task_stage, graph="weights")
