"""Cells of TransNAS-Bench-101 in the network of NAS-Bench-Suite-Zero for images of 32 pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import nn

from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces._transnasbench101_micro_small_network import Network
from zc_plugins.spaces.transnasbench101_micro import Cell, TransNasBench101Micro

_CELLS = TransNasBench101Micro()


class TransNasBench101MicroSmall:
    """The cells of ``TransNasBench101Micro`` in a smaller network, and on larger feature maps.

    NAS-Bench-Suite-Zero trains them so on SVHN, NinaPro and spherical CIFAR-100: the stem keeps the
    resolution, three modules of two cells divide it by 4.

    Args:
        channels: of the first cell's input, 64 there; even. Twice doubled.
        classes: outputs of the classifier, 10 for SVHN.

    References:
        Krishnakumar et al., NAS-Bench-Suite-Zero, NeurIPS 2022, arXiv:2210.03230. The network is
        what the paper's parameter counts of 192 cells leave: they follow from it exactly.
    """

    def __init__(self, channels: int = 64, classes: int = 10) -> None:
        if channels < 2 or channels % 2 or classes < 1:
            raise InvalidArgument(
                f"channels={channels}, classes={classes}: pass an even and a positive number"
            )
        self.channels, self.classes = channels, classes

    @property
    def name(self) -> str:
        """Identity of the space with its settings."""
        return f"transnasbench101-micro-small-C{self.channels}-{self.classes}"

    def __iter__(self) -> Iterator[Cell]:
        return iter(_CELLS)

    def sample(self, rng: np.random.Generator) -> Cell:
        """A cell, uniform over the 4,096."""
        return _CELLS.sample(rng)

    def mutate(self, architecture: Cell, rng: np.random.Generator) -> Cell:
        """The cell with another operation on one edge."""
        return _CELLS.mutate(architecture, rng)

    def suggest(self, trial: Any) -> Cell:
        """One categorical parameter an edge, named ``edge_FROM_TO``."""
        return _CELLS.suggest(trial)

    def parameters(self, architecture: Cell) -> dict[str, str]:
        """What a trial must hold for ``suggest`` to give this cell."""
        return _CELLS.parameters(architecture)

    def encode(self, architecture: Cell) -> str:
        """The text of ``TransNasBench101Micro``, ``3_02_113``."""
        return _CELLS.encode(architecture)

    def decode(self, text: str) -> Cell:
        """The cell of such a text.

        Raises:
            InvalidArgument: if it is none.
        """
        return _CELLS.decode(text)

    def canonical(self, architecture: Cell) -> Cell:
        """The representative of ``TransNasBench101Micro``: here, too, some cells have strides."""
        return _CELLS.canonical(architecture)

    def build(self, architecture: Cell) -> nn.Module:
        """The network for images of three channels; its strided skips' norms are not affine."""
        return Network(architecture.operations, channels=self.channels, classes=self.classes)
