"""Multiply-adds of one forward pass."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from zc_plugins._dry_run import Forward, checked_shape, dry_run

_BATCH = 2


def flops(
    model: nn.Module,
    input_shape: tuple[int, ...],
    *,
    forward: Forward | None = None,
    dtype: torch.dtype | None = None,
) -> int:
    """Multiply-adds of convolutions, matrix products and attention, for one sample.

    Counted by ``torch.utils.flop_counter`` on the meta device, so nothing is computed. Bias
    additions, normalisation, activations and pooling count nothing (the NAS-Bench-201 table counts
    bias additions: 10 of 121,820,000 there).

    Args:
        model: any network of one input.
        input_shape: of one sample, without the batch axis.
        forward: how to call the network; ``model(x)`` by default.
        dtype: of the input; the network's where None.

    Returns:
        Multiply-adds (half of the floating-point operations that torch counts).

    Raises:
        InputShapeMismatch: if the network refuses this shape.
    """
    counter = FlopCounterMode(display=False)
    # A counter that is entered again begins at zero.
    dry_run(
        model, checked_shape(input_shape), batch_size=_BATCH, forward=forward, dtype=dtype,
        around=lambda: counter,
    )  # fmt: skip
    return int(counter.get_total_flops()) // (2 * _BATCH)
