"""Multiply-adds of one forward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

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

    Counted by the formulas of ``torch.utils.flop_counter`` on the meta device, so nothing is
    computed. Bias
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
    tallies: list[_Operations] = []

    def counting() -> _Operations:
        # Anew for each run: the first one may break.
        tallies.append(_Operations())
        return tallies[-1]

    dry_run(
        model, checked_shape(input_shape), batch_size=_BATCH, forward=forward, dtype=dtype,
        around=counting,
    )  # fmt: skip
    return tallies[-1].total // (2 * _BATCH)


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sum of torch's counts. Its own counter keeps one a module too, for a third of the time."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0
        self._whole: set[Any] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            output = func(*args, **kwargs)
            self.total += int(count(*args, **kwargs, out_val=output))
            return output
        if func not in self._whole:
            # An operation made of others, such as a linear layer, is counted by its parts.
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
            self._whole.add(func)
        return func(*args, **kwargs)
