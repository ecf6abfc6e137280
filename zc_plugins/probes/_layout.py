"""Feature maps, sequences and vectors as matrices of positions by channels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def channels_last_rows(tensor: Tensor, channel_axis: int) -> Tensor:
    """The tensor as (batch x positions, channels), in float32 or float64.

    A view, without a copy, if the channels are innermost in memory already.
    """
    return exact(tensor).movedim(channel_axis, -1).reshape(-1, tensor.shape[channel_axis])


def paired_rows(
    gradient: Tensor, cotangent: Tensor, input_axis: int, output_axis: int
) -> tuple[Tensor, Tensor]:
    """Gradients at a block's input and output as matrices over the same positions.

    Where one side has a multiple of the other's positions along an axis, its neighbouring
    positions become channels (as PixelUnshuffle does in AZ-NAS's public code). A ratio that is no
    whole number (17 to 9, 32 to 30) is rounded, and the finer side is cropped or padded with zeros
    at the end; the public code fails there. Where the sides have different numbers of position
    axes, all positions are first laid along one, or into the channels if one side has none.

    Args:
        gradient: at the input, of shape (batch, channels, *positions) or channels last.
        cotangent: at the output, likewise.
        input_axis: channel axis of ``gradient``.
        output_axis: channel axis of ``cotangent``.

    Returns:
        Two matrices of shapes (rows, channels_in) and (rows, channels_out).
    """
    inner = exact(gradient).movedim(input_axis, -1)
    outer = exact(cotangent).movedim(output_axis, -1)
    if inner.dim() != outer.dim():
        inner, outer = (t.flatten(1, -2) if t.dim() > 3 else t for t in (inner, outer))
        inner = inner.flatten(1) if outer.dim() == 2 else inner
        outer = outer.flatten(1) if inner.dim() == 2 else outer
    for axis in range(1, inner.dim() - 1):
        fine, coarse = inner.shape[axis], outer.shape[axis]
        if fine >= coarse:
            inner = _folded(inner, axis, coarse)
        else:
            outer = _folded(outer, axis, fine)
    return inner.reshape(-1, inner.shape[-1]), outer.reshape(-1, outer.shape[-1])


def _folded(tensor: Tensor, axis: int, positions: int) -> Tensor:
    """The tensor with ``positions`` along ``axis``, the neighbours of each laid into channels."""
    stride = max(1, round(tensor.shape[axis] / positions))
    wanted = positions * stride
    missing = wanted - tensor.shape[axis]
    if missing > 0:
        padding = [0, 0] * (tensor.dim() - 1 - axis) + [0, missing]
        tensor = F.pad(tensor, padding)
    elif missing < 0:
        tensor = tensor.narrow(axis, 0, wanted)
    if stride == 1:
        return tensor
    split = tensor.reshape(*tensor.shape[:axis], positions, stride, *tensor.shape[axis + 1 :])
    return split.movedim(axis + 1, -2).flatten(-2)


def exact(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()
