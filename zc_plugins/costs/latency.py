"""Measured seconds of one inference."""

from __future__ import annotations

import statistics
import time

import torch
from torch import nn

from zc_plugins._dry_run import Forward, checked_shape, dtype_of, explained
from zc_plugins._pristine import device_of, pristine
from zc_plugins.errors import InvalidArgument


def latency(
    model: nn.Module,
    input_shape: tuple[int, ...],
    *,
    batch_size: int = 1,
    warm_up: int = 3,
    repeats: int = 10,
    forward: Forward | None = None,
) -> float:
    """Median seconds of one forward pass in eval mode, without gradients, where the model lies.

    The accelerator is synchronised around each repeat. A measurement of a shared machine is noisy:
    compare within one run.

    Args:
        model: any network of one input.
        input_shape: of one sample, without the batch axis.
        batch_size: samples per pass.
        warm_up: passes that are not timed.
        repeats: passes whose median is returned.
        forward: how to call the network; ``model(x)`` by default.

    Returns:
        Seconds per batch.

    Raises:
        InvalidArgument: if ``repeats`` or ``batch_size`` is below 1.
        InputShapeMismatch: if the network refuses this shape.
    """
    if repeats < 1 or batch_size < 1:
        raise InvalidArgument(
            f"repeats and batch_size must be at least 1, got {repeats} and {batch_size}"
        )
    shape, device = checked_shape(input_shape), device_of(model)
    x = torch.zeros((batch_size, *shape), dtype=dtype_of(model), device=device)
    seconds = []
    with pristine(model, seed=0), torch.inference_mode():
        model.eval()
        for run in range(warm_up + repeats):
            _wait(device)
            start = time.perf_counter()
            try:
                model(x) if forward is None else forward(model, x)
            except Exception as error:
                raise explained(error, shape) from error
            _wait(device)
            if run >= warm_up:
                seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
