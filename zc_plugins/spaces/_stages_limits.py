"""What lies inside a space of super-blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces._backbone import KINDS, Backbone

STEP = 8
"""Channels are multiples of it."""

DEEPEST = 5
"""Sub-layers of a super-block at most: one of more is split."""


@dataclass(frozen=True)
class Limits:
    """How far a backbone may be from the initial one.

    Attributes:
        initial: its stem and head but for their channels, and its strides, are those of all.
        kinds: of super-blocks.
        max_layers: sub-layers in all, stem and head included; no limit where None.
        max_channels: of what varies; a multiple of 8.
        blocks_per_stage: super-blocks in a stage at most.
        head_varies: whether the head's channels vary.

    Raises:
        InvalidArgument: if a limit is impossible, or the initial backbone breaks one.
    """

    initial: Backbone
    kinds: tuple[str, ...]
    max_layers: int | None
    max_channels: int
    blocks_per_stage: int
    head_varies: bool

    def __post_init__(self) -> None:
        if not self.kinds or not set(self.kinds) <= set(KINDS):
            raise InvalidArgument(f"kinds={self.kinds!r}: pass IDW, XXBL or some of {list(KINDS)}")
        if self.max_channels < 2 * STEP or self.max_channels % STEP:
            raise InvalidArgument(
                f"max_channels={self.max_channels}: pass a multiple of {STEP} from {2 * STEP} on"
            )
        if self.blocks_per_stage < 1:
            raise InvalidArgument(
                f"blocks_per_stage={self.blocks_per_stage}: pass a positive number"
            )
        self.require("initial", self.initial)

    def require(self, argument: str, backbone: Backbone) -> None:
        """Refuse a backbone that lies outside.

        Raises:
            InvalidArgument: then, with the reason.
        """
        if objection := self.objection(backbone):
            raise InvalidArgument(f"{argument}={backbone}: {objection}")

    def objection(self, backbone: Backbone) -> str:
        """Why the backbone lies outside, and the remedy; empty if it lies inside."""
        return next(self._objections(backbone), "")

    def _objections(self, backbone: Backbone) -> Iterator[str]:
        blocks = backbone.blocks
        widths = [width for block in blocks for width in (block.channels, block.bottleneck)]
        for end, first, varies in (
            (backbone.stem, self.initial.stem, True),
            (backbone.head, self.initial.head, self.head_varies),
        ):
            if varies:
                widths.append(end.channels)
            if end != (replace(first, channels=end.channels) if varies else first):
                yield f"{end} is not that of the initial structure: pass {first}"
        strides = [stage[0].stride for stage in self.initial.stages]
        if [stage[0].stride for stage in backbone.stages] != strides:
            yield f"the strides are not those of the initial structure: pass {strides}"
        if not {block.kind for block in blocks} <= set(self.kinds):
            yield f"there are other kinds: pass some of {self.kinds}"
        if any(width % STEP or width > self.max_channels for width in widths):
            yield f"channels are {widths}: pass multiples of {STEP} up to {self.max_channels}"
        if max(map(len, backbone.stages)) > self.blocks_per_stage:
            yield f"a stage has more super-blocks: pass up to {self.blocks_per_stage}"
        if max(block.layers for block in blocks) > DEEPEST:
            yield f"a super-block has more sub-layers: pass up to {DEEPEST}, split it"
        if self.max_layers is not None and backbone.layers > self.max_layers:
            yield f"there are {backbone.layers} sub-layers: pass up to {self.max_layers}"
