"""Layers on the longest path through a network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from zc_plugins._dry_run import Forward, checked_shape, dry_run
from zc_plugins.probes._blocks import tensors_in


def depth(model: nn.Module, input_shape: tuple[int, ...], *, forward: Forward | None = None) -> int:
    """Number of weighted layers on the longest path from the input to the output.

    A layer is a convolution, or a matrix product of which one factor depends on the input and the
    other does not, as in a linear layer; both as ``flops`` sees them. A product of two activations
    is none: attention over tokens counts its projections only, so a transformer layer is four deep
    (queries with keys and values, output, two of the MLP). A residual link adds nothing, of
    branches the longest counts, a layer that runs twice in a row counts twice, and so does each
    step of a recurrent one. Counted on the meta device, so nothing is computed.

    Args:
        model: any network of one input.
        input_shape: of one sample, without the batch axis.
        forward: how to call the network; ``model(x)`` by default.

    Returns:
        Layers; 0 if the output does not depend on the input.

    Raises:
        InputShapeMismatch: if the network refuses this shape.
    """
    deepest = 0

    def counted(model: nn.Module, x: Any) -> Any:
        nonlocal deepest
        with _Depths(x) as depths:
            output = model(x) if forward is None else forward(model, x)
        deepest = depths.deepest(output)
        return output

    # Inside the forward: what dry_run answers quickly, a mode outside does not see.
    dry_run(model, checked_shape(input_shape), forward=counted)
    return deepest


class _Depths(TorchDispatchMode):
    """Layers between the input and each tensor that depends on it.

    Kept by storage: what is written into one view is read through the others.
    """

    def __init__(self, x: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        # The tensor is held so that its storage's address stays its own.
        self._known: dict[int, tuple[int, Tensor]] = {_place(x): (0, x)}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        known = self._among((args, kwargs))
        result = func(*args, **(kwargs or {}))
        if known:
            layers = max(known) + self._is_layer(func.overloadpacket, args)
            for tensor in tensors_in(result):
                self._known[_place(tensor)] = (layers, tensor)
        return result

    def deepest(self, output: Any) -> int:
        """Layers before the output; before any tensor, where an object hides the output's."""
        if next(tensors_in(output), None) is None:
            return max(layers for layers, _ in self._known.values())
        return max(self._among(output), default=0)

    def _among(self, tensors: Any) -> list[int]:
        places = map(_place, tensors_in(tensors))
        return [self._known[place][0] for place in places if place in self._known]

    def _is_layer(self, operation: Any, args: Any) -> bool:
        if operation in _PRODUCTS:
            return len(self._among(args[_PRODUCTS[operation]])) == 1
        return operation in _CONVOLUTIONS


def _place(tensor: Tensor) -> int:
    # A sparse tensor has no storage, and no views.
    return tensor.untyped_storage()._cdata if tensor.layout is torch.strided else id(tensor)


_aten = torch.ops.aten

_PRODUCTS = {
    _aten.mm: slice(2),
    _aten.bmm: slice(2),
    _aten._scaled_mm: slice(2),
    _aten.addmm: slice(1, 3),
    _aten.baddbmm: slice(1, 3),
}
"""Operation to the place of its factors."""

_CONVOLUTIONS = (
    _aten.convolution,
    _aten._convolution,
    _aten.cudnn_convolution,
    _aten.convolution_overrideable,
    _aten._slow_conv2d_forward,
)
