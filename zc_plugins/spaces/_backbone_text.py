"""The published text of a backbone: ``SuperResIDWE6K3(8,32,2,8,1)`` and so on."""

from __future__ import annotations

import re

from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces._backbone import (
    CONVOLUTIONS,
    KINDS,
    Backbone,
    Convolution,
    SuperBlock,
    staged,
)

IMAGE_CHANNELS = 3

# Of a bounded name: a long one would be tried from each of its places on.
_WORD = re.compile(r"([A-Za-z0-9]{1,40})\(([0-9]{1,9}(?:,[0-9]{1,9})*)\)")
_NUMBERS = {**dict.fromkeys(CONVOLUTIONS, 4), **dict.fromkeys(KINDS, 5)}
_EXAMPLE = (
    "'SuperConvK3BNRELU(3,8,2,1)SuperResIDWE6K3(8,32,2,8,1)SuperConvK1BNRELU(32,64,1,1)': a stem "
    "and a head of (in, out, stride, layers), super-blocks of (in, out, stride, bottleneck, "
    "layers) between them"
)


def encode(backbone: Backbone) -> str:
    """The text of a backbone."""
    words, inputs = [], IMAGE_CHANNELS
    for block in backbone.parts:
        numbers = [inputs, block.channels, block.stride, block.layers]
        if isinstance(block, SuperBlock):
            numbers.insert(3, block.bottleneck)
        words.append(f"{block.kind}({','.join(map(str, numbers))})")
        inputs = block.channels
    return "".join(words)


def decode(text: str) -> Backbone:
    """The backbone of such a text.

    Raises:
        InvalidArgument: if it is none, or a super-block reads other channels than the one before
            it gives.
    """
    words = _WORD.findall(text)
    if len(words) < 3 or "".join(f"{name}({numbers})" for name, numbers in words) != text:
        raise InvalidArgument(f"text={text!r} is no backbone: pass a text like {_EXAMPLE}")
    blocks: list[Convolution | SuperBlock] = []
    inputs = IMAGE_CHANNELS
    for place, (kind, listed) in enumerate(words):
        reads, block = _block(kind, [int(number) for number in listed.split(",")], text)
        if reads != inputs:
            raise InvalidArgument(
                f"text={text!r}: {kind}({listed}) at place {place} reads {reads} channels, but is "
                f"given {inputs}: pass {inputs} as its first number"
            )
        blocks.append(block)
        inputs = block.channels
    stem, head = blocks[0], blocks[-1]
    inner = [block for block in blocks[1:-1] if isinstance(block, SuperBlock)]
    if (
        not isinstance(stem, Convolution)
        or not isinstance(head, Convolution)
        or len(inner) != len(blocks) - 2
    ):
        raise InvalidArgument(f"text={text!r}: pass a text like {_EXAMPLE}")
    return Backbone(stem, staged(inner), head)


def _block(kind: str, numbers: list[int], text: str) -> tuple[int, Convolution | SuperBlock]:
    """What the block reads, and the block."""
    if kind not in _NUMBERS:
        raise InvalidArgument(f"text={text!r}: {kind!r} is unknown: pass one of {list(_NUMBERS)}")
    if len(numbers) != _NUMBERS[kind]:
        raise InvalidArgument(
            f"text={text!r}: {kind} has {len(numbers)} numbers: pass {_NUMBERS[kind]}, as in "
            f"{_EXAMPLE}"
        )
    inputs, *rest = numbers
    return inputs, Convolution(kind, *rest) if kind in CONVOLUTIONS else SuperBlock(kind, *rest)
