"""A MobileNetV3 of width 1.0 as once-for-all training shares it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

WIDTHS = (24, 40, 80, 112, 160)
"""Channels of the five stages."""

_STRIDES = (2, 2, 2, 1, 2)
_HARD_SWISH = (False, False, True, True, True)
_SQUEEZE_EXCITE = (False, True, False, True, True)

_STEM, _LAST, _FEATURES = 16, 960, 1280


class Network(nn.Module):
    """Strided convolution, a depthwise block, five stages, two wide 1 x 1 convolutions, dense.

    There is no dropout, so that scores do not depend on the mode.

    Args:
        stages: of each block its kernel, in pixels, and its expansion.
        classes: outputs of the dense layer.

    References:
        Cai et al., Once-for-All, ICLR 2020, arXiv:1908.09791; Howard et al., MobileNetV3, ICCV
        2019, arXiv:1905.02244, whose large network has these activations and squeeze-excites.
    """

    def __init__(self, stages: Sequence[Sequence[tuple[int, int]]], classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_conv_bn(3, _STEM, 3, stride=2), nn.Hardswish())
        blocks: list[nn.Module] = [_Block(_STEM, _STEM, 3, 1, 1, nn.ReLU, False)]
        inputs = _STEM
        settings = zip(stages, WIDTHS, _STRIDES, _HARD_SWISH, _SQUEEZE_EXCITE, strict=True)
        for stage, outputs, stride, hard_swish, excited in settings:
            activation = nn.Hardswish if hard_swish else nn.ReLU
            for place, (kernel, expansion) in enumerate(stage):
                step = 1 if place else stride
                blocks.append(_Block(inputs, outputs, kernel, expansion, step, activation, excited))
                inputs = outputs
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.Sequential(*_conv_bn(inputs, _LAST, 1), nn.Hardswish())
        self.features = nn.Sequential(nn.Conv2d(_LAST, _FEATURES, 1, bias=False), nn.Hardswish())
        self.classifier = nn.Linear(_FEATURES, classes)
        self.zc_blocks = ("stem", *(f"blocks.{place}" for place in range(len(blocks))))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        pooled = self.last(x).mean(dim=(2, 3), keepdim=True)
        logits: Tensor = self.classifier(torch.flatten(self.features(pooled), 1))
        return logits


class _Block(nn.Module):
    """An inverted residual; without a step and between equal widths its input is added."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        expansion: int,
        stride: int,
        activation: Callable[[], nn.Module],
        excited: bool,
    ) -> None:
        super().__init__()
        width = inputs * expansion
        layers: list[nn.Module] = []
        if expansion > 1:
            layers += [*_conv_bn(inputs, width, 1), activation()]
        layers += [*_conv_bn(width, width, kernel, stride, groups=width), activation()]
        if excited:
            layers.append(_SqueezeExcite(width))
        self.layers = nn.Sequential(*layers, *_conv_bn(width, outputs, 1))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.residual else y


class _SqueezeExcite(nn.Module):
    """Channels weighted by a gate of their means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = _multiple_of_8(channels / 4)
        self.gate = nn.Sequential(
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.gate(x.mean(dim=(2, 3), keepdim=True))
        return x * gate


def _multiple_of_8(channels: float) -> int:
    """The nearest one, of halves the upper; one more where that takes more than a tenth away."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


def _conv_bn(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
