"""The layer of NAS-Bench-201 and TransNAS-Bench-101, which comes after its activation."""

from __future__ import annotations

from torch import nn


def relu_conv_bn(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Activation, convolution, affine batch normalisation."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )
