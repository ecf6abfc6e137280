"""Whether a network's output is alive: a block's statistics cannot tell what comes after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from zc_plugins._shapes import Float, ndarray
from zc_plugins.probes._blocks import tensors_in
from zc_plugins.probes._probe import Gathered, Reading, to_host


def output_verdict(output: Any, batch_size: int) -> list[tuple[str, Tensor]]:
    """Whether the output holds NaN, and whether it is constant over the batch up to rounding.

    Args:
        output: the network's, however it is nested; only its floating tensors of shape
            (batch, ...) are read.
        batch_size: samples in the batch.

    Returns:
        One entry with a tensor of shape (2,) of 0 and 1 on the output's device, or none if the
        output holds nothing that can be read.
    """
    tensors = [
        t.detach().double() if t.dtype == torch.float64 else t.detach().float()
        for t in tensors_in(output)
        if t.is_floating_point() and t.dim() > 0 and len(t) == batch_size and t.numel() > 0
    ]
    if not tensors:
        return []
    broken = torch.stack([t.isnan().any() for t in tensors]).any()
    constant = torch.stack([_is_constant(t) for t in tensors]).all()
    return [("output", torch.stack([broken, constant]))]


def output_fault(verdict: Sequence[tuple[str, Float[ndarray, " 2"]]], *, fresh: bool) -> str:
    """What is wrong with the network's output, or nothing.

    Args:
        verdict: of ``output_verdict``, on the host.
        fresh: whether the weights were drawn anew. A network that keeps its own may have a head
            that starts at zero by intention, so a constant output is admitted there.
    """
    for _, (broken, constant) in verdict:
        if broken:
            return "the network's output is NaN"
        if constant and fresh:
            return "the network's output is the same for all samples (disconnected)"
    return ""


def with_verdict(gathered: Gathered, output: Any, batch_size: int, *, fresh: bool) -> Reading:
    """The probe's reading with the verdict on the output, in one transfer."""
    verdict = output_verdict(output, batch_size)
    reading = to_host(gathered.layers, [verdict, *gathered.columns])
    found, *statistics = reading.statistics
    fault = output_fault(found, fresh=fresh)
    return Reading(reading.layers, tuple(statistics), gathered.errors, fault)


def _is_constant(tensor: Tensor) -> Tensor:
    rounding = 64 * torch.finfo(tensor.dtype).eps * tensor.abs().amax()
    return (tensor - tensor[:1]).abs().amax() <= rounding
