"""The network that TransNAS-Bench-101 trained around its modules."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces._relu_conv_bn import relu_conv_bn

Block = Callable[[int, int, int], nn.Module]
"""A block of so many input channels, output channels, and stride 1 or 2."""

BLOCKS_PER_MODULE = 2


class Network(nn.Module):
    """Two strided convolutions, modules of two blocks, mean over positions, dense.

    Of each module the first block doubles the channels and halves the resolution as the code says:
    1 neither, 2 doubles, 3 halves, 4 both. As in the authors' code, weights of convolutions are
    drawn by Kaiming's rule for the outputs, and no activation follows the last block.

    Args:
        code: a digit a module.
        block: makes a block.
        channels: of the stem's output; even.
        classes: outputs of the dense layer.

    References:
        Duan et al., TransNAS-Bench-101, CVPR 2021, arXiv:2105.11871; the authors' code (MIT),
        github.com/yawen-d/TransNASBench, for what the paper leaves open.
    """

    def __init__(self, code: Iterable[str], block: Block, *, channels: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels // 2, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(channels // 2),
            relu_conv_bn(channels // 2, channels, 3, stride=2),
        )
        blocks: list[nn.Module] = []
        width = channels
        for digit in code:
            inputs, width = width, width * (2 if digit in "24" else 1)
            blocks.append(block(inputs, width, 2 if digit in "34" else 1))
            blocks.extend(block(width, width, 1) for _ in range(BLOCKS_PER_MODULE - 1))
        self.blocks = nn.ModuleList(blocks)
        self.classifier = nn.Linear(width, classes)
        self.zc_blocks = ("stem", *(f"blocks.{place}" for place in range(len(blocks))))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.classifier(torch.mean(x, dim=(2, 3)))
        return logits


def require_sizes(channels: int, classes: int) -> None:
    """Refuse sizes of which no network can be made.

    Raises:
        InvalidArgument: unless the channels are an even number and there is a class.
    """
    if channels < 2 or channels % 2 or classes < 1:
        raise InvalidArgument(
            f"channels={channels}, classes={classes}: pass an even and a positive number"
        )
