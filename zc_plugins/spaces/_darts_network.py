"""The network that DARTS trains around a normal cell and a reduction cell."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

NODES = 4
"""Intermediate nodes of a cell; their joined channels are its output."""

Cell = Sequence[tuple[str, int]]


class Network(nn.Module):
    """Stem, cells that each read the two outputs before, mean over positions, dense.

    The cells at one third and two thirds of the depth are reductions: they double the channels and
    halve the resolution. There is no auxiliary head and no drop path.

    Args:
        normal: pairs (operation, source), two a node; sources 0 and 1 are the cell's inputs.
        reduction: likewise.
        channels: of a node in the first cell; even. The stem makes three times as many.
        cells: at least 3.
        classes: outputs of the dense layer.
        affine: whether the operations' batch normalisation has weights; what aligns the inputs of
            cells, and the stem, has them anyway.

    References:
        Liu et al., DARTS, ICLR 2019, arXiv:1806.09055, and the authors' code (Apache-2.0),
        github.com/quark0/darts, for what the paper leaves open.
    """

    def __init__(
        self,
        normal: Cell,
        reduction: Cell,
        *,
        channels: int,
        cells: int,
        classes: int,
        affine: bool,
    ) -> None:
        super().__init__()
        width = 3 * channels
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        )
        built: list[nn.Module] = []
        widths, halved = (width, width), False
        for place in range(cells):
            halves = place in (cells // 3, 2 * cells // 3)
            channels *= 1 + halves
            kind = reduction if halves else normal
            built.append(_Cell(kind, widths, channels, halves, halved, affine))
            widths, halved = (widths[1], NODES * channels), halves
        self.cells = nn.ModuleList(built)
        self.classifier = nn.Linear(widths[1], classes)
        self.zc_blocks = ("stem", *(f"cells.{place}" for place in range(cells)))

    def forward(self, x: Tensor) -> Tensor:
        before = last = self.stem(x)
        for cell in self.cells:
            before, last = last, cell(before, last)
        logits: Tensor = self.classifier(torch.mean(last, dim=(2, 3)))
        return logits


class _Cell(nn.Module):
    """Nodes are sums of two operations on earlier nodes; strides are on edges from the inputs."""

    def __init__(
        self,
        edges: Cell,
        widths: tuple[int, int],
        channels: int,
        halves: bool,
        first_is_larger: bool,
        affine: bool,
    ) -> None:
        super().__init__()
        first, second = widths
        self.inputs = nn.ModuleList(
            [
                _Reduction(first, channels) if first_is_larger else _relu_conv_bn(first, channels),
                _relu_conv_bn(second, channels),
            ]
        )
        self.sources = [source for _, source in edges]
        self.edges = nn.ModuleList(
            _operation(operation, channels, 2 if halves and source < 2 else 1, affine)
            for operation, source in edges
        )

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        values = [self.inputs[0](before), self.inputs[1](last)]
        terms = zip(self.edges, self.sources, strict=True)
        for (first, source), (second, other) in zip(terms, terms, strict=True):
            values.append(first(values[source]) + second(values[other]))
        return torch.cat(values[2:], dim=1)


def _operation(name: str, channels: int, stride: int, affine: bool) -> nn.Module:
    if name == "max_pool_3x3":
        return nn.MaxPool2d(3, stride, padding=1)
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else _Reduction(channels, channels, affine)
    kernel = int(name[-1])
    if name.startswith("dil_conv"):
        return nn.Sequential(*_separable(channels, kernel, stride, 2, affine))
    return nn.Sequential(
        *_separable(channels, kernel, stride, 1, affine),
        *_separable(channels, kernel, 1, 1, affine),
    )


def _separable(
    channels: int, kernel: int, stride: int, dilation: int, affine: bool
) -> list[nn.Module]:
    padding = dilation * (kernel // 2)
    return [
        nn.ReLU(),
        nn.Conv2d(
            channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False
        ),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels, affine=affine),
    ]


def _relu_conv_bn(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
    )


class _Reduction(nn.Module):
    """Halves the resolution: half of the channels from each of two diagonal offsets."""

    def __init__(self, inputs: int, outputs: int, affine: bool = True) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, outputs // 2, 1, stride=2, bias=False) for _ in range(2)
        )
        self.norm = nn.BatchNorm2d(outputs, affine=affine)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        normal: Tensor = self.norm(torch.cat([self.convs[0](x), self.convs[1](shifted)], dim=1))
        return normal
