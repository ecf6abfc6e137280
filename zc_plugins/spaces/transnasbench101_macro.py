"""The macro space of TransNAS-Bench-101: where a residual network widens and where it shrinks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from torch import Tensor, nn

from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces._relu_conv_bn import relu_conv_bn
from zc_plugins.spaces._transnasbench101_network import Network, require_sizes

DEPTHS = (4, 5, 6)
MOST_DOUBLINGS, MOST_HALVINGS = 3, 4


@dataclass(frozen=True)
class MacroCode:
    """A digit a module: 1 plain, 2 doubles the channels, 3 halves the resolution, 4 does both.

    Raises:
        InvalidArgument: unless there are four to six digits, one to three that double, and one to
            four that halve.
    """

    digits: str

    def __post_init__(self) -> None:
        if not _is_valid(self.digits):
            raise InvalidArgument(
                f"digits={self.digits!r}: pass 4 to 6 digits from 1 to 4, of them 1 to "
                f"{MOST_DOUBLINGS} times 2 or 4, and 1 to {MOST_HALVINGS} times 3 or 4"
            )


class TransNasBench101Macro:
    """Residual networks of TransNAS-Bench-101: four to six modules of two basic blocks.

    The network of the classification tasks: a dense layer on the mean over positions. The
    benchmark's images are 256 x 256; the stem divides the resolution by 4, the modules by 2 to 16.

    Args:
        channels: of the first module's input, 64 in the benchmark; even.
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
        return f"transnasbench101-macro-C{self.channels}-{self.classes}"

    def __iter__(self) -> Iterator[MacroCode]:
        return iter(_codes())

    def sample(self, rng: np.random.Generator) -> MacroCode:
        """A code, uniform over the 3,256."""
        return _codes()[int(rng.integers(len(_codes())))]

    def mutate(self, architecture: MacroCode, rng: np.random.Generator) -> MacroCode:
        """The code with one digit changed, put in or taken out; uniform over all such codes."""
        digits = architecture.digits
        near = {digits[:i] + new + digits[i + 1 :] for i in range(len(digits)) for new in "1234"}
        near |= {digits[:i] + new + digits[i:] for i in range(len(digits) + 1) for new in "1234"}
        near |= {digits[:i] + digits[i + 1 :] for i in range(len(digits))}
        neighbours = sorted(filter(_is_valid, near - {digits}))
        return MacroCode(neighbours[int(rng.integers(len(neighbours)))])

    def suggest(self, trial: Any) -> MacroCode:
        """The number of modules, ``modules``, and a digit each, ``module_PLACE``.

        Any answers become a code, so that no trial is lost: the fourth doubling and the fifth
        halving are left out, and where nothing doubles or halves, the first module does.
        """
        depth = trial.suggest_categorical("modules", DEPTHS)
        asked = [trial.suggest_categorical(f"module_{i}", (1, 2, 3, 4)) for i in range(depth)]
        doubling = _between([digit in (2, 4) for digit in asked], MOST_DOUBLINGS)
        halving = _between([digit in (3, 4) for digit in asked], MOST_HALVINGS)
        return MacroCode(
            "".join(str(1 + a + 2 * b) for a, b in zip(doubling, halving, strict=True))
        )

    def parameters(self, architecture: MacroCode) -> dict[str, Any]:
        """What a trial must hold for ``suggest`` to give this code."""
        digits = {f"module_{place}": int(d) for place, d in enumerate(architecture.digits)}
        return {"modules": len(digits), **digits}

    def encode(self, architecture: MacroCode) -> str:
        """The modules' part of the published code, ``4111``."""
        return architecture.digits

    def decode(self, text: str) -> MacroCode:
        """The code of such a text.

        Raises:
            InvalidArgument: if it is none.
        """
        return MacroCode(text)

    def canonical(self, architecture: MacroCode) -> MacroCode:
        """The code itself: no two of them make the same network."""
        return architecture

    def build(self, architecture: MacroCode) -> nn.Module:
        """The benchmark's network for images of three channels, batch normalisation affine."""
        return Network(
            architecture.digits, _BasicBlock, channels=self.channels, classes=self.classes
        )


def _is_valid(digits: str) -> bool:
    return (
        len(digits) in DEPTHS
        and set(digits) <= set("1234")
        and 1 <= sum(digit in "24" for digit in digits) <= MOST_DOUBLINGS
        and 1 <= sum(digit in "34" for digit in digits) <= MOST_HALVINGS
    )


@cache
def _codes() -> tuple[MacroCode, ...]:
    texts = ("".join(digits) for depth in DEPTHS for digits in product("1234", repeat=depth))
    return tuple(map(MacroCode, filter(_is_valid, texts)))


def _between(flags: list[bool], most: int) -> list[bool]:
    """The flags with at least one and at most so many raised."""
    kept = [flag and sum(flags[:place]) < most for place, flag in enumerate(flags)]
    return kept if any(kept) else [True, *kept[1:]]


class _BasicBlock(nn.Module):
    """Two 3 x 3 convolutions, each after its activation, beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            relu_conv_bn(inputs, outputs, 3, stride), relu_conv_bn(outputs, outputs, 3)
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        shortcut: Tensor = self.shortcut(x)
        residual: Tensor = self.residual(x)
        return shortcut + residual
