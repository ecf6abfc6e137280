"""A neighbour of a backbone, uniform over its choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

import numpy as np

from zc_plugins.spaces._backbone import Backbone, Convolution, SuperBlock, staged
from zc_plugins.spaces._stages_limits import DEEPEST, Limits
from zc_plugins.spaces._super_block import multiple_of_8

RATIOS = (2.5, 2, 1.5, 1.25, 1, 1 / 1.25, 1 / 1.5, 1 / 2, 1 / 2.5)
"""Channels after a mutation, as multiples of those before."""

_Part = TypeVar("_Part", Convolution, SuperBlock)


def mutated(backbone: Backbone, limits: Limits, rng: np.random.Generator) -> Backbone:
    """The backbone with one part drawn anew; one of six sub-layers or more then becomes two.

    Args:
        backbone: inside the limits.
        limits: of the result.
        rng: of two draws and more.
    """
    stem, head, blocks = backbone.stem, backbone.head, list(backbone.blocks)
    place = int(rng.integers(len(blocks) + 1 + limits.head_varies)) - 1
    if place < 0:
        stem = _drawn(stem, {"channels": _widths(stem.channels, limits.max_channels)}, rng)
    elif place == len(blocks):
        head = _drawn(head, {"channels": _widths(head.channels, limits.max_channels)}, rng)
    else:
        drawn = _drawn(blocks[place], choices(backbone, place, limits), rng)
        blocks[place : place + 1] = _split(drawn)
    return Backbone(stem, staged(blocks), head)


def choices(backbone: Backbone, place: int, limits: Limits) -> dict[str, Sequence[Any]]:
    """What each field of the super-block at a place may become; all combinations are allowed."""
    lengths = list(chain.from_iterable([len(stage)] * len(stage) for stage in backbone.stages))
    now = backbone.blocks[place]
    deepest = now.layers + 2
    if lengths[place] == limits.blocks_per_stage:
        deepest = min(deepest, DEEPEST)
    if limits.max_layers is not None:
        deepest = min(deepest, now.layers + limits.max_layers - backbone.layers)
    return {
        "kind": limits.kinds,
        "channels": _widths(now.channels, limits.max_channels),
        "bottleneck": _widths(now.bottleneck, limits.max_channels),
        "layers": range(max(1, now.layers - 2), deepest + 1),
    }


def _drawn(part: _Part, choices: dict[str, Sequence[Any]], rng: np.random.Generator) -> _Part:
    """The part with fields drawn anew, uniform over the combinations that differ from it."""
    while True:
        fields = {name: c[int(rng.integers(len(c)))] for name, c in choices.items()}
        drawn = replace(part, **fields)
        if drawn != part:
            return drawn


def _split(block: SuperBlock) -> list[SuperBlock]:
    if block.layers <= DEEPEST:
        return [block]
    return [replace(block, layers=3), replace(block, stride=1, layers=block.layers - 3)]


@lru_cache(maxsize=4096)
def _widths(channels: int, highest: int) -> tuple[int, ...]:
    widths = {multiple_of_8(channels * ratio) for ratio in RATIOS}
    return tuple(sorted(width for width in widths if width <= highest))
