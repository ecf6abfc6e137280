"""The micro space of TransNAS-Bench-101: cells of six edges with four operations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces._cell_function import (
    Function,
    Operations,
    cell_function,
    representative,
)
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
from zc_plugins.spaces._transnasbench101_network import Network, require_sizes

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
"""Digits 0 to 3 of the published codes."""

SKELETON = "41414"
"""The published modules: 4 halves the resolution and doubles the channels, 1 does neither."""


@dataclass(frozen=True)
class Cell:
    """One operation an edge, in the order of ``nasbench201.EDGES``.

    Raises:
        InvalidArgument: unless there are six known operations.
    """

    operations: tuple[str, ...]

    def __post_init__(self) -> None:
        require_operations(self.operations, OPERATIONS)


class TransNasBench101Micro:
    """Cells of TransNAS-Bench-101 in their network of five modules of two cells.

    The network of the classification tasks: a dense layer on the mean over positions. The
    benchmark's images are 256 x 256; the stem divides the resolution by 4, the modules by 8.

    Args:
        channels: of the first module's input, 64 in the benchmark; even. Thrice doubled.
        classes: outputs of the classifier: 75 objects, 47 scenes.

    References:
        Duan et al., TransNAS-Bench-101, CVPR 2021, arXiv:2105.11871.
    """

    def __init__(self, channels: int = 64, classes: int = 75) -> None:
        require_sizes(channels, classes)
        self.channels, self.classes = channels, classes

    @property
    def name(self) -> str:
        """Identity of the space with its settings."""
        return f"transnasbench101-micro-C{self.channels}-{self.classes}"

    def __iter__(self) -> Iterator[Cell]:
        return map(Cell, all_operations(OPERATIONS))

    def sample(self, rng: np.random.Generator) -> Cell:
        """A cell, uniform over the 4,096."""
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
        """The cell's part of the published code, ``3_02_113``: a digit an edge, a group a node."""
        digits = "".join(str(OPERATIONS.index(o)) for o in architecture.operations)
        return f"{digits[0]}_{digits[1:3]}_{digits[3:]}"

    def decode(self, text: str) -> Cell:
        """The cell of such a code.

        Raises:
            InvalidArgument: if it is none.
        """
        digits = [text[place : place + 1] for place in (0, 2, 3, 5, 6, 7)]
        if not all(digit and digit in "0123" for digit in digits):
            raise InvalidArgument(f"{text!r} is no cell: pass digits from 0 to 3 as in '3_02_113'")
        cell = Cell(tuple(OPERATIONS[int(digit)] for digit in digits))
        if self.encode(cell) != text:
            raise InvalidArgument(f"{text!r} is no cell: pass {self.encode(cell)!r}")
        return cell

    def canonical(self, architecture: Cell) -> Cell:
        """The representative of all cells that compute the same function.

        As in NAS-Bench-201: operations that no path from the input to the output uses become
        ``none``; of the cells with one function the first in the order of ``OPERATIONS`` stands for
        all. A skip connection from the input counts as a convolution, since it is one where the
        resolution halves.
        """
        return Cell(representative(architecture.operations, OPERATIONS, _strided_function))

    def build(self, architecture: Cell) -> nn.Module:
        """The benchmark's network for images of three channels, batch normalisation affine."""

        def block(inputs: int, outputs: int, stride: int) -> nn.Module:
            return _cell_module(architecture, inputs, outputs, stride)

        return Network(SKELETON, block, channels=self.channels, classes=self.classes)


def _strided_function(operations: Operations) -> Function:
    """The cell's function where it halves the resolution: there fewer cells are equal."""
    return cell_function(
        tuple(
            "nor_conv_skip" if operation == "skip_connect" and source == 0 else operation
            for (source, _), operation in zip(EDGES, operations, strict=True)
        )
    )


def _cell_module(cell: Cell, inputs: int, outputs: int, stride: int) -> nn.Module:
    """The edges from the cell's input change resolution and channels where the cell does."""
    return CellModule(
        _operation(name, outputs if source else inputs, outputs, 1 if source else stride)
        for (source, _), name in zip(EDGES, cell.operations, strict=True)
    )


def _operation(name: str, inputs: int, outputs: int, stride: int) -> nn.Module:
    if name == "none":
        return _Zero(outputs // inputs, stride)
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else _Reduction(inputs, outputs)
    return relu_conv_bn(inputs, outputs, 1 if name == "nor_conv_1x1" else 3, stride)


class _Zero(nn.Module):
    def __init__(self, widening: int, stride: int) -> None:
        super().__init__()
        self.widening, self.stride = widening, stride

    def forward(self, x: Tensor) -> Tensor:
        zero = x[:, :, :: self.stride, :: self.stride].mul(0.0)
        return zero.repeat(1, self.widening, 1, 1)


class _Reduction(nn.Module):
    """A skip connection of stride 2: half of the channels from each of two diagonal offsets."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, outputs // 2, 1, stride=2, bias=False) for _ in range(2)
        )
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        normal: Tensor = self.norm(torch.cat([self.convs[0](x), self.convs[1](shifted)], dim=1))
        return normal
