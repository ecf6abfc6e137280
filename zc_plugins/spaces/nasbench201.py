"""The NAS-Bench-201 (NATS-Bench topology) space: cells of six edges with five operations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces._cell_function import representative
from zc_plugins.spaces._cell_module import CellModule
from zc_plugins.spaces._edge_operations import (
    EDGES,
    all_operations,
    drawn_operations,
    mutated_operations,
    operation_parameters,
    require_operations,
    suggested_operations,
)
from zc_plugins.spaces._relu_conv_bn import relu_conv_bn

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


@dataclass(frozen=True)
class Cell:
    """One operation an edge, in the order of ``EDGES``.

    Raises:
        InvalidArgument: unless there are six known operations.
    """

    operations: tuple[str, ...]

    def __post_init__(self) -> None:
        require_operations(self.operations, OPERATIONS)


class NasBench201:
    """Cells of NAS-Bench-201 in their network: three stages of equal cells, between them strides.

    Args:
        channels: of the first stage; doubled in the second and third.
        cells_per_stage: five in the benchmark.
        classes: outputs of the classifier.

    References:
        Dong and Yang, NAS-Bench-201, ICLR 2020, arXiv:2001.00326.
    """

    def __init__(self, channels: int = 16, cells_per_stage: int = 5, classes: int = 10) -> None:
        if min(channels, cells_per_stage, classes) < 1:
            raise InvalidArgument(
                f"channels={channels}, cells_per_stage={cells_per_stage}, classes={classes}: "
                "pass positive numbers"
            )
        self.channels, self.cells_per_stage, self.classes = channels, cells_per_stage, classes

    @property
    def name(self) -> str:
        """Identity of the space with its settings."""
        return f"nasbench201-C{self.channels}N{self.cells_per_stage}-{self.classes}"

    def __iter__(self) -> Iterator[Cell]:
        return map(Cell, all_operations(OPERATIONS))

    def sample(self, rng: np.random.Generator) -> Cell:
        """A cell, uniform over the 15,625."""
        return Cell(drawn_operations(OPERATIONS, rng))

    def mutate(self, architecture: Cell, rng: np.random.Generator) -> Cell:
        """The cell with another operation on one edge."""
        return Cell(mutated_operations(architecture.operations, OPERATIONS, rng))

    def suggest(self, trial: Any) -> Cell:
        """One categorical parameter an edge, named ``edge_FROM_TO``."""
        return Cell(suggested_operations(OPERATIONS, trial))

    def parameters(self, architecture: Cell) -> dict[str, str]:
        """What a trial must hold for ``suggest`` to give this cell."""
        return operation_parameters(architecture.operations)

    def encode(self, architecture: Cell) -> str:
        """The published string, ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``."""
        nodes = []
        for node in (1, 2, 3):
            edges = [
                f"{operation}~{source}"
                for (source, target), operation in zip(EDGES, architecture.operations, strict=True)
                if target == node
            ]
            nodes.append(f"|{'|'.join(edges)}|")
        return "+".join(nodes)

    def decode(self, text: str) -> Cell:
        """The cell of a published string.

        Raises:
            InvalidArgument: if it is none.
        """
        parts = [part for node in text.split("+") for part in node.strip("|").split("|")]
        cell = Cell(tuple(part.partition("~")[0] for part in parts))
        if self.encode(cell) != text:
            raise InvalidArgument(
                f"{text!r} is no cell: pass '|op~0|+|op~0|op~1|+|op~0|op~1|op~2|'"
            )
        return cell

    def canonical(self, architecture: Cell) -> Cell:
        """The representative of all cells that compute the same function.

        Operations that no path from the input to the output uses become ``none``; of the cells with
        one function the first in the order of ``OPERATIONS`` stands for all. 5,260 are left. The
        6,466 classes of the paper tell apart some that differ in idle operations or in the order of
        a sum only, and take one convolution that is used twice for two convolutions.
        """
        return Cell(representative(architecture.operations, OPERATIONS))

    def build(self, architecture: Cell) -> nn.Module:
        """The benchmark's network for images of three channels, batch normalisation affine."""
        return _Network(architecture, self.channels, self.cells_per_stage, self.classes)


class _Zero(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mul(0.0)


def _operation(name: str, channels: int) -> nn.Module:
    if name == "none":
        return _Zero()
    if name == "skip_connect":
        return nn.Identity()
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return relu_conv_bn(channels, channels, 1 if name == "nor_conv_1x1" else 3)


def _cell_module(cell: Cell, channels: int) -> nn.Module:
    return CellModule(_operation(name, channels) for name in cell.operations)


class _Reduction(nn.Module):
    """A residual block that halves the resolution and doubles the channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_a = relu_conv_bn(inputs, outputs, 3, stride=2)
        self.conv_b = relu_conv_bn(outputs, outputs, 3)
        # The benchmark has no batch normalisation on this path.
        self.downsample = nn.Sequential(
            nn.AvgPool2d(2, 2), nn.Conv2d(inputs, outputs, 1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        shortcut: Tensor = self.downsample(x)
        residual: Tensor = self.conv_b(self.conv_a(x))
        return shortcut + residual


class _Network(nn.Module):
    def __init__(self, cell: Cell, channels: int, cells_per_stage: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        blocks: list[nn.Module] = []
        for stage in range(3):
            width = channels * 2**stage
            if stage:
                blocks.append(_Reduction(width // 2, width))
            blocks.extend(_cell_module(cell, width) for _ in range(cells_per_stage))
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        self.classifier = nn.Linear(width, classes)
        self.zc_blocks = ("stem", *(f"blocks.{place}" for place in range(len(blocks))))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.classifier(torch.mean(self.last(x), dim=(2, 3)))
        return logits


__all__ = ["EDGES", "OPERATIONS", "Cell", "NasBench201"]
