"""A backbone of super-blocks as a value, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from zc_plugins._read_json import read_json
from zc_plugins.errors import InvalidArgument

KERNELS = (3, 5, 7)
EXPANSIONS = (1, 2, 4, 6)


@dataclass(frozen=True)
class Kind:
    """What a super-block's name says.

    Attributes:
        family: ``"basic"`` (two k x k convolutions), ``"bottleneck"`` (a k x k one between two of
            1 x 1) or ``"inverted"`` (a depthwise k x k one between two of 1 x 1).
        kernel: k, in pixels.
        expansion: of an inverted residual, channels as a multiple of its output's; else 1.
    """

    family: str
    kernel: int
    expansion: int = 1


KINDS = {
    **{f"SuperResK{k}K{k}": Kind("basic", k) for k in KERNELS},
    **{f"SuperResK1K{k}K1": Kind("bottleneck", k) for k in KERNELS},
    **{f"SuperResIDWE{e}K{k}": Kind("inverted", k, e) for e in EXPANSIONS for k in KERNELS},
}
"""Of residual super-blocks, by their published names."""

CONVOLUTIONS = {f"SuperConvK{k}BNRELU": k for k in (1, *KERNELS)}
"""Kernels, in pixels, of stems and heads, by their published names."""


@dataclass(frozen=True)
class Convolution:
    """The stem or the head: convolutions, each with batch normalisation and ReLU.

    Attributes:
        kind: a key of ``CONVOLUTIONS``.
        channels: of the output.
        stride: of the first convolution.
        layers: number of convolutions.

    Raises:
        InvalidArgument: if the kind is unknown or a number is not positive.
    """

    kind: str
    channels: int
    stride: int = 1
    layers: int = 1

    def __post_init__(self) -> None:
        _require(self, CONVOLUTIONS, (self.channels, self.stride, self.layers))


@dataclass(frozen=True)
class SuperBlock:
    """Residual sub-layers of one kind and width.

    Attributes:
        kind: a key of ``KINDS``.
        channels: of the output.
        stride: of the first sub-layer; the others have none.
        bottleneck: channels in the middle of a sub-layer.
        layers: number of sub-layers.

    Raises:
        InvalidArgument: if the kind is unknown or a number is not positive.
    """

    kind: str
    channels: int
    stride: int
    bottleneck: int
    layers: int

    def __post_init__(self) -> None:
        _require(self, KINDS, (self.channels, self.stride, self.bottleneck, self.layers))


@dataclass(frozen=True)
class Backbone:
    """Stem, stages of super-blocks, head.

    Attributes:
        stem: reads the image of three channels.
        stages: one a resolution: each stage but the first begins with a stride, and only its first
            super-block may have one.
        head: ends in the feature map that is pooled and classified.

    Raises:
        InvalidArgument: if a stage is empty or a stride is elsewhere.
    """

    stem: Convolution
    stages: tuple[tuple[SuperBlock, ...], ...]
    head: Convolution

    def __post_init__(self) -> None:
        if not all(self.stages) or not self.stages:
            raise InvalidArgument(f"stages={self.stages!r}: pass one super-block or more in each")
        strided = all(stage[0].stride > 1 for stage in self.stages[1:])
        if not strided or any(block.stride > 1 for stage in self.stages for block in stage[1:]):
            raise InvalidArgument(
                f"stages={self.stages!r}: let each stage but the first begin with a stride above "
                "1, and pass stride 1 for the other super-blocks"
            )

    @property
    def blocks(self) -> tuple[SuperBlock, ...]:
        """The super-blocks of all stages."""
        return tuple(block for stage in self.stages for block in stage)

    @property
    def parts(self) -> tuple[Convolution | SuperBlock, ...]:
        """Stem, super-blocks and head."""
        return (self.stem, *self.blocks, self.head)

    @property
    def layers(self) -> int:
        """Sub-layers of all parts, stem and head included, as the authors count depth."""
        return sum(part.layers for part in self.parts)

    def to_json(self) -> str:
        """A JSON object of ``stem``, ``stages`` and ``head``; ``from_json`` is its inverse."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Backbone:
        """The backbone of such a text.

        Raises:
            InvalidArgument: if it is none.
        """
        try:
            fields: dict[str, Any] = read_json(text)
            stages = [[SuperBlock(**block) for block in stage] for stage in fields.pop("stages")]
            ends = {name: Convolution(**end) for name, end in fields.items()}
            return Backbone(stages=tuple(map(tuple, stages)), **ends)
        except InvalidArgument:
            raise
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise InvalidArgument(
                f"text={text!r} is no backbone ({error}): pass what Backbone.to_json wrote"
            ) from error


def staged(blocks: Sequence[SuperBlock]) -> tuple[tuple[SuperBlock, ...], ...]:
    """The super-blocks in stages: each stride above 1 begins one."""
    stages: list[list[SuperBlock]] = []
    for block in blocks:
        if block.stride > 1 or not stages:
            stages.append([])
        stages[-1].append(block)
    return tuple(map(tuple, stages))


def _require(block: Any, kinds: dict[str, Any], numbers: tuple[Any, ...]) -> None:
    if block.kind not in kinds:
        raise InvalidArgument(f"kind={block.kind!r}: pass one of {list(kinds)}")
    if not all(type(number) is int and number > 0 for number in numbers):
        raise InvalidArgument(f"{block}: pass positive integers")
