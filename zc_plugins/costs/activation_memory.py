"""Memory that training keeps between the forward and the backward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from zc_plugins._dry_run import Forward, checked_shape, dry_run


def activation_memory(
    model: nn.Module, input_shape: tuple[int, ...], *, forward: Forward | None = None
) -> int:
    """Bytes per sample that autograd keeps for the backward pass, weights excluded.

    Counted on the meta device: the distinct storages among the saved tensors, of which the part
    that grows with the batch is taken. Memory that kernels take for themselves is not in it.

    Args:
        model: any network of one input.
        input_shape: of one sample, without the batch axis.
        forward: how to call the network; ``model(x)`` by default.

    Returns:
        Bytes; multiply by the batch size.

    Raises:
        InputShapeMismatch: if the network refuses this shape.
    """
    shape = checked_shape(input_shape)
    # No axis tells the batch: a linear layer saves (batch x tokens, channels), a weight may have
    # any length. The difference of two batches does, and weights cancel in it.
    small, large = (_saved_bytes(model, shape, batch, forward) for batch in (2, 4))
    return (large - small) // 2


def _saved_bytes(
    model: nn.Module, shape: tuple[int, ...], batch_size: int, forward: Forward | None
) -> int:
    saved: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        # The tensor is held so that its storage's address stays its own.
        saved.setdefault(tensor.untyped_storage()._cdata, tensor)
        return tensor

    @contextmanager
    def counting() -> Iterator[None]:
        saved.clear()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            yield

    dry_run(model, shape, batch_size=batch_size, forward=forward, graph="weights", around=counting)
    return sum(tensor.untyped_storage().nbytes() for tensor in saved.values())
