"""The network that NAS-Bench-101 trained around a cell."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

Edges = tuple[tuple[int, int], ...]


class Network(nn.Module):
    """Stem, stacks of equal cells with 2 x 2 max pooling in between, mean over positions, dense.

    Args:
        operations: ``"conv3x3"``, ``"conv1x1"`` or ``"maxpool3x3"`` of the inner vertices.
        edges: pairs (from vertex, to vertex); vertex 0 is the input, the last one the output.
        channels: of the stem and the first stack; doubled in each later stack.
        stacks: of cells.
        cells_per_stack: in each.
        classes: outputs of the dense layer.

    References:
        Ying et al., NAS-Bench-101, ICML 2019, arXiv:1902.09635, section 2 and appendix A.
    """

    def __init__(
        self,
        operations: Sequence[str],
        edges: Edges,
        *,
        channels: int,
        stacks: int,
        cells_per_stack: int,
        classes: int,
    ) -> None:
        super().__init__()
        self.stem = _conv_bn_relu(3, channels, 3)
        self.cells_per_stack = cells_per_stack
        self.pool = nn.MaxPool2d(2, 2, ceil_mode=True)
        cells: list[nn.Module] = []
        width = channels
        for stack in range(stacks):
            for _ in range(cells_per_stack):
                cells.append(CellModule(operations, edges, width, channels * 2**stack))
                width = channels * 2**stack
        self.cells = nn.ModuleList(cells)
        self.classifier = nn.Linear(width, classes)
        self.zc_blocks = ("stem", *(f"cells.{place}" for place in range(len(cells))))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for place, cell in enumerate(self.cells):
            if place and place % self.cells_per_stack == 0:
                x = self.pool(x)
            x = cell(x)
        logits: Tensor = self.classifier(torch.mean(x, dim=(2, 3)))
        return logits


class CellModule(nn.Module):
    """A cell: vertices sum what they are fed; the output joins its vertices' channels.

    The cell's input reaches a vertex, or the output, by a 1 x 1 convolution of its own. Where
    vertices differ in channels, the first ones pass on; the output adds the projected input to the
    joined channels.
    """

    def __init__(self, operations: Sequence[str], edges: Edges, inputs: int, outputs: int) -> None:
        super().__init__()
        last = len(operations) + 1
        self.sources = [[s for s, target in edges if target == v] for v in range(last + 1)]
        self.widths = vertex_channels(edges, last + 1, outputs)
        self.projections = nn.ModuleDict(
            {
                str(vertex): _conv_bn_relu(inputs, self.widths[vertex], 1)
                for vertex in range(1, last + 1)
                if 0 in self.sources[vertex]
            }
        )
        self.operations = nn.ModuleList(
            _operation(operation, self.widths[vertex])
            for vertex, operation in enumerate(operations, start=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        last = len(self.widths) - 1
        values = {0: x}
        for vertex, operation in enumerate(self.operations, start=1):
            width = self.widths[vertex]
            fed = [values[source][:, :width] for source in self.sources[vertex] if source]
            values[vertex] = operation(self._sum(x, vertex, fed))
        joined = [values[source] for source in self.sources[last] if source]
        return self._sum(x, last, [torch.cat(joined, dim=1)] if joined else [])

    def _sum(self, x: Tensor, vertex: int, fed: list[Tensor]) -> Tensor:
        if str(vertex) in self.projections:
            fed = [*fed, self.projections[str(vertex)](x)]
        total = fed[0]
        for tensor in fed[1:]:
            total = total + tensor
        return total


def vertex_channels(edges: Edges, vertices: int, outputs: int) -> list[int]:
    """Channels of each vertex of a cell with this many output channels; 0 for the input vertex.

    The vertices at the output share its channels equally, the first ones take one more where there
    is a remainder; every other vertex has as many as the widest that it feeds.
    """
    last = vertices - 1
    widths = [0] * last + [outputs]
    joined = [source for source, target in edges if target == last and source]
    for place, vertex in enumerate(joined):
        widths[vertex] = outputs // len(joined) + (place < outputs % len(joined))
    for vertex in range(last - 1, 0, -1):
        if vertex not in joined:
            widths[vertex] = max(widths[target] for source, target in edges if source == vertex)
    return widths


def _conv_bn_relu(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def _operation(name: str, channels: int) -> nn.Module:
    if name == "maxpool3x3":
        return nn.MaxPool2d(3, stride=1, padding=1)
    return _conv_bn_relu(channels, channels, 3 if name == "conv3x3" else 1)
