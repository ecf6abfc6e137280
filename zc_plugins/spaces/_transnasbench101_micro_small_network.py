"""The network that NAS-Bench-Suite-Zero trained around micro cells on images of 32 pixels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

CELLS = ((2, 2), (1, 1), (1, 1), (1, 1), (2, 2), (1, 1))
"""Of each cell how it widens, and its stride: of three modules of two cells the outer two halve."""

_NODES = 4


class Network(nn.Module):
    """One convolution, six cells, mean over positions, dense.

    Args:
        operations: one an edge, in the order of ``nasbench201.EDGES``.
        channels: of the first cell's input, even; twice doubled.
        classes: outputs of the dense layer.
    """

    def __init__(self, operations: Sequence[str], *, channels: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        cells: list[nn.Module] = []
        width = channels
        for widening, stride in CELLS:
            cells.append(_Cell(operations, width, width * widening, stride))
            width *= widening
        self.cells = nn.ModuleList(cells)
        self.classifier = nn.Linear(width, classes)
        self.zc_blocks = ("stem", *(f"cells.{place}" for place in range(len(cells))))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for cell in self.cells:
            x = cell(x)
        logits: Tensor = self.classifier(torch.mean(x, dim=(2, 3)))
        return logits


class _Cell(nn.Module):
    """Nodes are sums over their edges; edges from the input take the strides and widen."""

    def __init__(self, operations: Sequence[str], inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        sources = [source for node in range(1, _NODES) for source in range(node)]
        self.edges = nn.ModuleList(
            _operation(name, outputs if source else inputs, outputs, 1 if source else stride)
            for source, name in zip(sources, operations, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        nodes, edges = [x], iter(self.edges)
        for _ in range(1, _NODES):
            total: Tensor = next(edges)(nodes[0])
            for earlier in nodes[1:]:
                total = total + next(edges)(earlier)
            nodes.append(total)
        return nodes[-1]


def _operation(name: str, inputs: int, outputs: int, stride: int) -> nn.Module:
    if name == "none":
        return _Zero(outputs // inputs, stride)
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else _Reduction(inputs, outputs)
    kernel = 1 if name == "nor_conv_1x1" else 3
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


class _Zero(nn.Module):
    def __init__(self, widening: int, stride: int) -> None:
        super().__init__()
        self.widening, self.stride = widening, stride

    def forward(self, x: Tensor) -> Tensor:
        zero = x[:, :, :: self.stride, :: self.stride].mul(0.0)
        return zero.repeat(1, self.widening, 1, 1)


class _Reduction(nn.Module):
    """A skip connection of stride 2: half of the channels from each of two diagonal offsets.

    Its batch normalisation is not affine, unlike TransNAS-Bench-101's own: the published parameter
    counts say so.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, outputs // 2, 1, stride=2, bias=False) for _ in range(2)
        )
        self.norm = nn.BatchNorm2d(outputs, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        normal: Tensor = self.norm(torch.cat([self.convs[0](x), self.convs[1](shifted)], dim=1))
        return normal
