"""The network of a backbone of super-blocks."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from zc_plugins.spaces._backbone import CONVOLUTIONS, Backbone, Convolution
from zc_plugins.spaces._backbone_text import IMAGE_CHANNELS
from zc_plugins.spaces._super_block import EXCITED, Conv, Residual, residuals, squeezed


class Network(nn.Module):
    """Stem, residuals, head, mean over positions, dense; images of any size.

    Each block that it declares in ``zc_blocks`` ends with a ReLU: the stem's convolution, each
    residual, the head's convolution. The last feature map is declared too, in ``zc_feature``.

    Args:
        backbone: of super-blocks.
        classes: outputs of the dense layer.
        residual: whether there are links beside the residuals; projections are parts of them.
        squeeze_excite: whether channels are weighted: in the middle of a residual after the k x k
            convolution and its activation, as in MobileNetV3; of a basic one after the last
            normalisation, as in SENet.

    References:
        Lin et al., Zen-NAS, ICCV 2021, arXiv:2102.01063; Howard et al., MobileNetV3, ICCV 2019,
        arXiv:1905.02244, and Hu et al., SENet, CVPR 2018, arXiv:1709.01507, for squeeze-excite.
    """

    def __init__(
        self, backbone: Backbone, *, classes: int, residual: bool, squeeze_excite: bool
    ) -> None:
        super().__init__()
        inputs = backbone.stem.channels
        self.stem = nn.Sequential(*_convolutions(backbone.stem, IMAGE_CHANNELS))
        blocks: list[nn.Module] = []
        for block in backbone.blocks:
            blocks.extend(
                _Residual(each, residual, squeeze_excite) for each in residuals(block, inputs)
            )
            inputs = block.channels
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(*_convolutions(backbone.head, inputs))
        self.classifier = nn.Linear(backbone.head.channels, classes)
        self.zc_feature = "head"
        parts = {"stem": self.stem, "blocks": self.blocks, "head": self.head}
        self.zc_blocks = tuple(
            f"{name}.{place}" for name, part in parts.items() for place in range(len(part))
        )

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.head(self.blocks(self.stem(x)))
        logits: Tensor = self.classifier(torch.mean(features, dim=(2, 3)))
        return logits


class _Residual(nn.Module):
    """ReLU of the branch, plus the link where there is one."""

    def __init__(self, residual: Residual, linked: bool, excited: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        last = len(residual.convs) - 1
        for place, conv in enumerate(residual.convs):
            layers += _conv_bn(conv)
            if place < last:
                layers.append(nn.ReLU(inplace=True))
            if excited and place == EXCITED:
                layers.append(_SqueezeExcite(conv.outputs))
        self.branch = nn.Sequential(*layers)
        self.link: nn.Module | None = None
        if linked and residual.projection:
            self.link = nn.Sequential(*_conv_bn(residual.projection, bias=True))
        elif linked:
            self.link = nn.Identity()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.branch(x)
        if self.link is not None:
            y = y + self.link(x)
        output: Tensor = self.relu(y)
        return output


class _SqueezeExcite(nn.Module):
    """Channels weighted by a gate of their means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Conv2d(channels, squeezed(channels), 1),
            nn.ReLU(),
            nn.Conv2d(squeezed(channels), channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = self.gate(x.mean(dim=(2, 3), keepdim=True))
        return x * gate


def _convolutions(convolution: Convolution, inputs: int) -> Iterator[nn.Module]:
    kernel, outputs = CONVOLUTIONS[convolution.kind], convolution.channels
    stride = convolution.stride
    for _ in range(convolution.layers):
        yield nn.Sequential(*_conv_bn(Conv(inputs, outputs, kernel, stride)), nn.ReLU(inplace=True))
        inputs, stride = outputs, 1


def _conv_bn(conv: Conv, bias: bool = False) -> list[nn.Module]:
    return [
        nn.Conv2d(
            conv.inputs, conv.outputs, conv.kernel, conv.stride, conv.kernel // 2,
            groups=conv.groups, bias=bias,
        ),
        # As published; torch's default is 1e-5.
        nn.BatchNorm2d(conv.outputs, eps=1e-3),
    ]  # fmt: skip
