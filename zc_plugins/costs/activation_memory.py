"""Memory that training keeps between the forward and the backward pass."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zc_plugins._dry_run import Forward, checked_shape, dry_run

_BATCH = 2


def activation_memory(
    model: nn.Module, input_shape: tuple[int, ...], *, forward: Forward | None = None
) -> int:
    """Bytes per sample that autograd keeps for the backward pass, weights excluded.

    Counted on the meta device: the distinct storages among the saved tensors. Memory that kernels
    take for themselves is not in it.

    Args:
        model: any network of one input.
        input_shape: of one sample, without the batch axis.
        forward: how to call the network; ``model(x)`` by default.

    Returns:
        Bytes; multiply by the batch size.

    Raises:
        InputShapeMismatch: if the network refuses this shape.
    """
    saved: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        # The tensor is held so that its storage's address stays its own.
        if tensor.dim() > 0 and tensor.shape[0] == _BATCH:
            saved.setdefault(tensor.untyped_storage()._cdata, tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        shape = checked_shape(input_shape)
        dry_run(model, shape, batch_size=_BATCH, forward=forward, graph="weights")
    return sum(tensor.untyped_storage().nbytes() for tensor in saved.values()) // _BATCH
