"""The convolutions of a super-block: what is built, and what is counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from zc_plugins.spaces._backbone import KINDS, SuperBlock

EXCITED = 1
"""Place in a residual of the convolution whose channels squeeze-excite weighs."""


class Conv(NamedTuple):
    """One convolution; padded by half of its kernel."""

    inputs: int
    outputs: int
    kernel: int
    stride: int = 1
    groups: int = 1

    @property
    def weights(self) -> int:
        """Number of weights, without a bias."""
        return self.inputs // self.groups * self.outputs * self.kernel**2


class Residual(NamedTuple):
    """Convolutions, each with batch normalisation, beside a link.

    Attributes:
        convs: in order.
        projection: on the link, with a bias and batch normalisation; None where the link is the
            identity.
    """

    convs: tuple[Conv, ...]
    projection: Conv | None


def residuals(block: SuperBlock, inputs: int) -> Iterator[Residual]:
    """Of all sub-layers: one a sub-layer of a basic super-block, else two.

    The first link of a super-block is always projected, later ones where the shape changes.

    Args:
        block: the super-block.
        inputs: channels that it reads.
    """
    stride = block.stride
    for layer in range(block.layers):
        for place, convs in enumerate(_branches(block, inputs, stride)):
            reads, gives = convs[0].inputs, convs[-1].outputs
            step = 1 if place else stride
            projected = (layer == 0 and place == 0) or step > 1 or reads != gives
            yield Residual(convs, Conv(reads, gives, 1, step) if projected else None)
        inputs, stride = block.channels, 1


def squeezed(channels: int) -> int:
    """Channels inside of squeeze-excite: a quarter."""
    return max(1, channels // 4)


def multiple_of_8(channels: float) -> int:
    """The nearest one, at least 8; of halves the even multiple."""
    return max(8, 8 * round(channels / 8))


def _branches(block: SuperBlock, inputs: int, stride: int) -> list[tuple[Conv, ...]]:
    """The convolutions of a sub-layer's residuals."""
    kind, middle, outputs = KINDS[block.kind], block.bottleneck, block.channels
    k = kind.kernel
    if kind.family == "basic":
        return [(Conv(inputs, middle, k, stride), Conv(middle, outputs, k))]
    if kind.family == "bottleneck":
        return [
            (Conv(reads, middle, 1), Conv(middle, middle, k, step), Conv(middle, outputs, 1))
            for reads, step in ((inputs, stride), (outputs, 1))
        ]
    branches: list[tuple[Conv, ...]] = []
    for reads, gives, step in ((inputs, middle, stride), (middle, outputs, 1)):
        width = multiple_of_8(gives * kind.expansion)
        depthwise = Conv(width, width, k, step, groups=width)
        branches.append((Conv(reads, width, 1), depthwise, Conv(width, gives, 1)))
    return branches
