"""Gradients of the losses of two labelled batches at the weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from zc_plugins.errors import NoReadableLayers
from zc_plugins.probes._blocks import first_tensor
from zc_plugins.probes._channels import Channels
from zc_plugins.probes._hooked import hooked
from zc_plugins.probes._layout import exact
from zc_plugins.probes._probe import Gathered
from zc_plugins.probes._shared_pass import Run, SharedProbe, Steps
from zc_plugins.probes._weights import LAYERS, weight_matrices


@dataclass(frozen=True)
class TwoGradientsEvidence:
    """One weight matrix after both sweeps.

    Attributes:
        name: of the layer.
        weight: any shape.
        gradients: of the two losses, each of the weight's shape; None where none arrives.
        positions: of the layer's output (height x width of an image, tokens of a sequence); 1 for
            recurrent, attention and weight-normed layers, whose output belongs to no one weight.
        channels: of the layer's output.
    """

    name: str
    weight: Tensor
    gradients: tuple[Tensor, Tensor] | None
    positions: int
    channels: int


def two_tasks_stage(run: Run, gathered: Gathered) -> Steps:
    """A second forward and sweep, after the graph of the first batch is freed.

    Raises:
        NoReadableLayers: without a weight matrix.
    """
    if not any(True for _ in weight_matrices(run.model)):
        raise NoReadableLayers("no convolution, linear, recurrent or attention weight to read")
    channels = Channels()
    sizes: dict[str, tuple[int, int]] = {}

    def note(name: str, module: nn.Module, args: Any, output: Any) -> None:
        tensor = first_tensor(output)
        if tensor is not None and tensor.dim() > 1:
            width = tensor.shape[channels.axis(tensor)]
            sizes[name] = (tensor[0].numel() // width, width)

    layers = [(n, m) for n, m in run.model.named_modules() if isinstance(m, LAYERS)]
    hooks = [hooked(module, partial(note, name or "weight")) for name, module in layers]
    yield [*channels.hooks(run.model), *hooks]
    first, second = run.gradients, run.second_gradients
    for name in run.matrices:
        one, two = first[name], second[name]
        pair = None if one is None or two is None else (exact(one), exact(two))
        weight = exact(run.weights[name].detach())
        positions, width = sizes.get(name, (1, len(weight)))
        gathered.read(name, TwoGradientsEvidence(name, weight, pair, positions, width))


two_tasks = SharedProbe("two_tasks", two_tasks_stage, graph="weights")
