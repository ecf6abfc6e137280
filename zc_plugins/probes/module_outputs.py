"""The output of every module for the first sample of the batch."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from zc_plugins.errors import NoReadableLayers
from zc_plugins.probes._blocks import first_tensor
from zc_plugins.probes._channels import Channels
from zc_plugins.probes._excite import autocast
from zc_plugins.probes._hooked import hooked
from zc_plugins.probes._probe import Gathered
from zc_plugins.probes._shared_pass import Run, SharedProbe, Steps


class ModuleOutputEvidence:
    """One run of one module, while its output is at hand.

    Attributes:
        name: of the module; ``"network"`` for the whole.
        repeats: a module inside gave this very tensor: a container repeats its last child.
    """

    def __init__(self, name: str, output: Tensor, axis: int, *, repeats: bool) -> None:
        self.name, self.repeats = name, repeats
        self._output, self._axis = output, axis

    @property
    def feature(self) -> Tensor:
        """The first sample's output, of shape (channels, positions), float32 or float64."""
        sample = self._output.detach()[0]
        if sample.dim() > 1:
            sample = sample.movedim(self._axis - 1, 0)
        sample = sample if sample.dtype == torch.float64 else sample.float()
        return sample.reshape(sample.shape[0], -1)


def module_output_stage(run: Run, gathered: Gathered) -> Steps:
    """Hooks on all modules, containers and the network itself included.

    Raises:
        NoReadableLayers: if no module gave a tensor over the batch.
    """
    channels = Channels()
    last: tuple[Tensor, int] | None = None

    def read(name: str, module: nn.Module, args: Any, output: Any) -> None:
        nonlocal last
        tensor = first_tensor(output)
        readable = tensor is not None and tensor.is_floating_point() and tensor.dim() > 1
        if tensor is None or not readable or len(tensor) != len(run.x):
            return
        original, version = run.original(tensor)
        # Another version is another feature map: a sum was written into it.
        repeats = last is not None and last[0] is original and last[1] == version
        last = original, version
        evidence = ModuleOutputEvidence(name, tensor, channels.axis(tensor), repeats=repeats)
        with torch.no_grad(), autocast(tensor.device, None):
            gathered.read(name, evidence)

    # A module fires after those inside it.
    hooks = [hooked(m, partial(read, name or "network")) for name, m in run.model.named_modules()]
    yield [*channels.hooks(run.model), *hooks]
    if not gathered.layers:
        raise NoReadableLayers("no module gives a tensor over the whole batch")


module_outputs = SharedProbe("module_outputs", module_output_stage)
