"""Which axis of a feature holds the channels."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from torch import Tensor, nn

from zc_plugins.probes._blocks import first_tensor
from zc_plugins.probes._hooked import hooked


class Channels:
    """Follows a forward pass and tells where the channels lie, as the last layer left them."""

    def __init__(self) -> None:
        self._last_layer: nn.Module | None = None

    def hooks(self, model: nn.Module) -> list[AbstractContextManager[None]]:
        """One around each layer that tells."""
        telling = (nn.modules.conv._ConvNd, nn.Linear, nn.LayerNorm)
        return [hooked(m, self._remember) for m in model.modules() if isinstance(m, telling)]

    def axis(self, feature: Tensor) -> int:
        """Axis of the channels: as the last convolution, linear or layer-norm module left them.

        Where a linear or layer-norm module ran on permuted images, the axis of its size; where
        both axes have that size, the last.
        """
        last = self._last_layer
        if feature.dim() < 3 or isinstance(last, nn.modules.conv._ConvNd):
            return 1
        channels = getattr(last, "out_features", None)
        if channels is None:
            channels = next(iter(getattr(last, "normalized_shape", ())), None)
        if channels is not None and feature.shape[-1] != channels == feature.shape[1]:
            return 1
        return feature.dim() - 1

    def _remember(self, module: nn.Module, args: Any, output: Any) -> None:
        tensor = first_tensor(output)
        # A squeezed vector, or a norm over whole images, does not tell where channels lie.
        spatial = tensor is not None and tensor.dim() > 2
        if spatial and len(getattr(module, "normalized_shape", (0,))) == 1:
            self._last_layer = module
