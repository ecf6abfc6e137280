"""Outputs of the convolution and linear layers, with the loss's gradient there."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor, nn

from zc_plugins.errors import NoReadableLayers, Unscorable
from zc_plugins.probes._channels import Channels
from zc_plugins.probes._hooked import hooked
from zc_plugins.probes._kept_from_writing import KeptFromWriting
from zc_plugins.probes._layout import exact
from zc_plugins.probes._probe import Gathered
from zc_plugins.probes._shared_pass import Run, SharedProbe, Steps
from zc_plugins.probes._weights import LAYERS


class LayerOutputEvidence:
    """One run of one layer, while the sweep from the loss passes its output.

    Attributes:
        name: of the layer.
        weight: of the layer.
    """

    def __init__(
        self, name: str, weight: Tensor, output: Tensor, gradient: Tensor, axis: int
    ) -> None:
        self.name, self.weight = name, weight
        self._output, self._gradient, self._axis = output, gradient, axis

    @property
    def product(self) -> Tensor:
        """Output times gradient, summed over positions: shape (batch, channels)."""
        product = exact(self._output.detach()) * exact(self._gradient)
        return product.movedim(self._axis, 1).flatten(2).sum(2) if product.dim() > 2 else product


def layer_output_stage(run: Run, gathered: Gathered) -> Steps:
    """A hook on each layer's output, which fires when the loss's gradient arrives there.

    So the gradient of one layer at a time is alive, not of all.

    Raises:
        NoReadableLayers: if there is no layer, or no gradient arrives at one.
        Unscorable: if an output was overwritten in place before it could be read.
    """
    layers = [(name, m) for name, m in run.model.named_modules() if isinstance(m, LAYERS)]
    if not layers:
        raise NoReadableLayers("no convolution or linear layer to read")
    channels, kept = Channels(), KeptFromWriting()
    overwritten = ""

    def watch(name: str, module: nn.Module, args: Any, output: Tensor) -> None:
        if not run.forwarding or not output.requires_grad or output.dim() < 2:
            return
        version, axis, place = output._version, channels.axis(output), len(run.held)
        # Held by the run, which ends: a hook that holds its own tensor is never freed.
        run.held.append(output)
        kept.watch(output)

        def read(gradient: Tensor) -> None:
            nonlocal overwritten
            if not run.sweeping:
                return
            output = run.held[place]
            as_it_was = kept.copy_of(output)
            if as_it_was is output and output._version != version:
                overwritten = name
                return
            weight: Any = module.weight
            evidence = LayerOutputEvidence(name, weight.detach(), as_it_was, gradient, axis)
            gathered.read(name, evidence)

        output.register_hook(read)  # type: ignore[no-untyped-call]

    hooks = [hooked(module, partial(watch, name or "weight")) for name, module in layers]
    yield [*channels.hooks(run.model), kept, *hooks]
    _ = run.gradients
    if overwritten:
        raise Unscorable(f"the output of {overwritten} is overwritten in place")
    if not gathered.layers:
        raise NoReadableLayers("no convolution or linear layer gets a gradient")
    # The sweep meets the layers from the last to the first.
    gathered.layers.reverse()
    for column in gathered.columns:
        column.reverse()


layer_outputs = SharedProbe("layer_outputs", layer_output_stage, graph="weights")
