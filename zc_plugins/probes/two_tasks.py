"""Gradients of the losses of two labelled batches at the weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from zc_plugins.errors import NoReadableLayers
from zc_plugins.probes._blocks import first_tensor
from zc_plugins.probes._channels import Channels
from zc_plugins.probes._layout import exact
from zc_plugins.probes._probe import Excitation, Gathered, Measure
from zc_plugins.probes._shared_pass import Run, SharedProbe
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


class TwoTasksStage:
    """A second forward and sweep, after the graph of the first batch is freed."""

    graph: ClassVar[str] = "weights"

    def __init__(
        self, model: nn.Module, excitation: Excitation, measures: Sequence[Measure]
    ) -> None:
        if not any(True for _ in weight_matrices(model)):
            raise NoReadableLayers("no convolution, linear, recurrent or attention weight to read")
        self.gathered = Gathered(measures)
        self.channels = Channels()
        self._sizes: dict[str, tuple[int, int]] = {}

    def attach(self, run: Run) -> Iterator[Any]:
        """Note the sizes of the layers' outputs."""
        yield from self.channels.attach(run.model)
        for name, module in run.model.named_modules():
            if isinstance(module, LAYERS):
                yield module.register_forward_hook(self._hook(name or "weight"))

    def finish(self, run: Run) -> None:
        """Sweep back twice, and read every weight matrix."""
        first, second = run.gradients, run.second_gradients
        for name in run.matrices:
            one, two = first[name], second[name]
            pair = None if one is None or two is None else (exact(one), exact(two))
            weight = exact(run.weights[name].detach())
            positions, channels = self._sizes.get(name, (1, len(weight)))
            evidence = TwoGradientsEvidence(name, weight, pair, positions, channels)
            self.gathered.read(name, evidence)

    def _hook(self, name: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            tensor = first_tensor(output)
            if tensor is not None and tensor.dim() > 1:
                channels = tensor.shape[self.channels.axis(tensor)]
                self._sizes[name] = (tensor[0].numel() // channels, channels)

        return hook


two_tasks = SharedProbe("two_tasks", TwoTasksStage)
