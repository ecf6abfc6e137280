"""The output of every module for the first sample of the batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from zc_plugins.errors import NoReadableLayers
from zc_plugins.probes._blocks import first_tensor
from zc_plugins.probes._channels import Channels
from zc_plugins.probes._excite import autocast
from zc_plugins.probes._probe import Excitation, Gathered, Measure
from zc_plugins.probes._shared_pass import Run, SharedProbe


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


class ModuleOutputStage:
    """Hooks on all modules, containers and the network itself included."""

    graph: ClassVar[str] = "none"

    def __init__(
        self, model: nn.Module, excitation: Excitation, measures: Sequence[Measure]
    ) -> None:
        self.gathered = Gathered(measures)
        self.channels = Channels()
        self._last: tuple[Tensor, int] | None = None

    def attach(self, run: Run) -> Iterator[Any]:
        """Hook all modules; a module fires after those inside it."""
        yield from self.channels.attach(run.model)
        for name, module in run.model.named_modules():
            yield module.register_forward_hook(partial(self._read, name or "network", run))

    def finish(self, run: Run) -> None:
        """All was read on the way.

        Raises:
            NoReadableLayers: if no module gave a tensor over the batch.
        """
        self._last = None
        if not self.gathered.layers:
            raise NoReadableLayers("no module gives a tensor over the whole batch")

    def _read(self, name: str, run: Run, module: nn.Module, args: Any, output: Any) -> None:
        tensor = first_tensor(output)
        readable = tensor is not None and tensor.is_floating_point() and tensor.dim() > 1
        if tensor is None or not readable or len(tensor) != len(run.x):
            return
        original, version = run.original(tensor)
        last, last_version = self._last or (None, 0)
        # Another version is another feature map: a sum was written into it.
        repeats = last is original and last_version == version
        self._last = (original, version)
        evidence = ModuleOutputEvidence(name, tensor, self.channels.axis(tensor), repeats=repeats)
        with torch.no_grad(), autocast(tensor.device, None):
            self.gathered.read(name, evidence)


module_outputs = SharedProbe("module_outputs", ModuleOutputStage)
