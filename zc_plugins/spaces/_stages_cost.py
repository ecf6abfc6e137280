"""Parameters and multiply-adds of a backbone's network by formula, without building it."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from zc_plugins.spaces._backbone import CONVOLUTIONS, Backbone, Convolution, SuperBlock
from zc_plugins.spaces._backbone_text import IMAGE_CHANNELS
from zc_plugins.spaces._super_block import EXCITED, Conv, residuals, squeezed


class Weights(NamedTuple):
    """Parameters of a super-block by the positions at which each is used.

    Attributes:
        before: at the resolution that the super-block reads.
        after: at that which it gives.
        pooled: once, on channel means.
        other: of biases and normalisation, which count no multiply-adds.
    """

    before: int
    after: int
    pooled: int
    other: int


def backbone_params(
    backbone: Backbone, *, classes: int, residual: bool, squeeze_excite: bool
) -> int:
    """Number of parameters of the network of these settings."""
    inputs, total = IMAGE_CHANNELS, (backbone.head.channels + 1) * classes
    for block in backbone.parts:
        total += sum(_weights(block, inputs, residual, squeeze_excite))
        inputs = block.channels
    return total


def backbone_flops(
    backbone: Backbone,
    height: int,
    width: int,
    *,
    classes: int,
    residual: bool,
    squeeze_excite: bool,
) -> int:
    """Multiply-adds of convolutions and the dense layer for one image of height x width pixels."""
    inputs, total = IMAGE_CHANNELS, backbone.head.channels * classes
    for block in backbone.parts:
        before, after, pooled, _ = _weights(block, inputs, residual, squeeze_excite)
        total += before * height * width + pooled
        # A convolution padded by half of its kernel leaves the ceiling.
        height, width = -(-height // block.stride), -(-width // block.stride)
        total += after * height * width
        inputs = block.channels
    return total


@lru_cache(maxsize=1 << 16)
def _weights(
    block: Convolution | SuperBlock, inputs: int, residual: bool, squeeze_excite: bool
) -> Weights:
    if isinstance(block, Convolution):
        return _convolution_weights(block, inputs)
    before = after = pooled = other = 0
    # Until the block's stride is passed.
    strided = block.stride == 1
    for branch, projection in residuals(block, inputs):
        for place, conv in enumerate(branch):
            strided = strided or conv.stride > 1
            before += conv.weights * (not strided)
            after += conv.weights * strided
            other += 2 * conv.outputs
            if squeeze_excite and place == EXCITED:
                pooled += 2 * conv.outputs * squeezed(conv.outputs)
                other += conv.outputs + squeezed(conv.outputs)
        if residual and projection:
            after += projection.weights
            other += 3 * projection.outputs
    return Weights(before, after, pooled, other)


def _convolution_weights(block: Convolution, inputs: int) -> Weights:
    kernel, outputs = CONVOLUTIONS[block.kind], block.channels
    first, later = Conv(inputs, outputs, kernel), Conv(outputs, outputs, kernel)
    weights = first.weights + (block.layers - 1) * later.weights
    return Weights(0, weights, 0, 2 * outputs * block.layers)
