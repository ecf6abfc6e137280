"""The super-block space of Zen-NAS: residual, bottleneck and inverted-residual stages."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import nn

from zc_plugins.errors import InputShapeMismatch, InvalidArgument
from zc_plugins.spaces import _backbone_text
from zc_plugins.spaces._backbone import KINDS, Backbone, Convolution, SuperBlock, staged
from zc_plugins.spaces._stages_cost import backbone_flops, backbone_params
from zc_plugins.spaces._stages_limits import Limits
from zc_plugins.spaces._stages_mutation import mutated
from zc_plugins.spaces._stages_network import Network
from zc_plugins.spaces._stages_questions import parameters, suggested
from zc_plugins.spaces.module import Proposal

IDW = tuple(kind for kind in KINDS if "IDW" in kind)
"""Inverted residuals: the kinds of the authors' mobile space."""

XXBL = tuple(kind for kind in KINDS if "IDW" not in kind)
"""Basic and bottleneck residuals: the kinds of the authors' space for fast networks on a GPU."""

PUBLISHED = (
    "SuperConvK3BNRELU(3,8,2,1)SuperResIDWE6K3(8,32,2,8,1)SuperResIDWE6K3(32,48,2,32,1)"
    "SuperResIDWE6K3(48,96,2,48,1)SuperResIDWE6K3(96,128,2,96,1)SuperConvK1BNRELU(128,2048,1,1)"
)
"""The structure from which the published mobile searches start, for 224 x 224 pixels."""

PRESETS = {
    "imagenet": PUBLISHED,
    "small_images": (
        "SuperConvK3BNRELU(3,8,1,1)SuperResIDWE6K3(8,32,1,8,1)SuperResIDWE6K3(32,48,2,32,1)"
        "SuperResIDWE6K3(48,96,2,48,1)SuperResIDWE6K3(96,128,2,96,1)SuperConvK1BNRELU(128,2048,1,1)"
    ),
}
"""Initial structures by name; that for small images, ours, brings 32 x 32 pixels to 4 x 4."""


class Stages:
    """Backbones of super-blocks with the strides of an initial structure.

    Kinds, channels, bottlenecks and sub-layers vary, and the number of super-blocks in a stage.
    Channels are multiples of 8, a super-block has 1 to 5 sub-layers.

    Args:
        initial: a name in ``PRESETS``, a published text, or a backbone. A preset's super-blocks
            take the first allowed kind where theirs is not allowed.
        kinds: of super-blocks, ``IDW``, ``XXBL`` or names in ``KINDS``.
        classes: outputs of the classifier.
        residual: whether networks have residual links.
        squeeze_excite: whether each residual weighs its channels.
        max_layers: sub-layers in all, stem and head included, as the authors count; no limit where
            None.
        max_channels: of what varies; a multiple of 8.
        blocks_per_stage: super-blocks in a stage at most.
        head_varies: whether the head's channels vary.

    Raises:
        InvalidArgument: if a setting is impossible, or the initial structure breaks a limit.

    References:
        Lin et al., Zen-NAS, ICCV 2021, arXiv:2102.01063; the paper scores networks without
        residual links, see ``plain``.
    """

    def __init__(
        self,
        initial: str | Backbone = "imagenet",
        *,
        kinds: Sequence[str] = IDW,
        classes: int = 1000,
        residual: bool = True,
        squeeze_excite: bool = False,
        max_layers: int | None = 14,
        max_channels: int = 2048,
        blocks_per_stage: int = 4,
        head_varies: bool = False,
    ) -> None:
        if classes < 1:
            raise InvalidArgument(f"classes={classes}: pass a positive number")
        kinds = tuple(dict.fromkeys(kinds))
        self.limits = Limits(
            initial=_initial(initial, kinds),
            kinds=kinds,
            max_layers=max_layers,
            max_channels=max_channels,
            blocks_per_stage=blocks_per_stage,
            head_varies=head_varies,
        )
        self.classes, self.residual, self.squeeze_excite = classes, residual, squeeze_excite

    @property
    def initial(self) -> Backbone:
        """The structure from which a search starts."""
        return self.limits.initial

    @property
    def name(self) -> str:
        """Identity of the space with its settings."""
        limits = self.limits
        kinds = {IDW: "idw", XXBL: "xxbl"}.get(limits.kinds, ",".join(limits.kinds))
        head = "-head" * limits.head_varies
        links = "" if self.residual else "-plain"
        excited = "-se" * self.squeeze_excite
        return (
            f"stages-{self.encode(self.initial)}-{kinds}-L{limits.max_layers}"
            f"-C{limits.max_channels}-B{limits.blocks_per_stage}{head}{links}{excited}"
            f"-{self.classes}"
        )

    @property
    def arguments(self) -> dict[str, Any]:
        """What makes this space again, as JSON holds it."""
        limits = self.limits
        return {
            "initial": self.encode(self.initial),
            "kinds": list(limits.kinds),
            "classes": self.classes,
            "residual": self.residual,
            "squeeze_excite": self.squeeze_excite,
            "max_layers": limits.max_layers,
            "max_channels": limits.max_channels,
            "blocks_per_stage": limits.blocks_per_stage,
            "head_varies": limits.head_varies,
        }

    @property
    def plain(self) -> Stages:
        """The same architectures as networks without residual links and squeeze-excite.

        The Zen-Score is defined on these.
        """
        space = copy.copy(self)
        space.residual = space.squeeze_excite = False
        return space

    def __contains__(self, architecture: Backbone) -> bool:
        return not self.limits.objection(architecture)

    def sample(self, rng: np.random.Generator) -> Backbone:
        """A backbone as a random trial of ``suggest`` makes it.

        Kinds, sub-layers and numbers of super-blocks are uniform, channels uniform on a
        logarithmic scale.
        """
        return self.suggest(Proposal({}, rng))

    def mutate(self, architecture: Backbone, rng: np.random.Generator) -> Backbone:
        """The backbone with one super-block made anew, uniform over what differs from it.

        A super-block has another kind, channels and bottleneck of ``RATIOS`` times the present
        ones, or up to two sub-layers more or less, or all of these; the stem, and a head that
        varies, other channels. One of six sub-layers or more then becomes two, if the stage may
        have another; no choice leaves the limits. The authors' code draws the kinds unevenly: the
        first of IDW six times as often as the last.

        Raises:
            InvalidArgument: if the architecture lies outside the space.
        """
        self.limits.require("architecture", architecture)
        return mutated(architecture, self.limits, rng)

    def suggest(self, trial: Any) -> Backbone:
        """The backbone of a trial's parameters, each of a fixed range.

        Integers ``stem_width`` (and ``head_width``) and ``blocks_0`` of each stage; of each of its
        super-blocks integers ``layers_0_0``, ``width_0_0``, ``bottleneck_0_0`` and a categorical
        ``kind_0_0``. Widths are in units of 8 channels, on a logarithmic scale. Where the answers
        exceed ``max_layers``, the longest stages lose super-blocks, then the deepest super-blocks
        lose sub-layers, of equals the first.
        """
        return suggested(trial, self.limits)

    def parameters(self, architecture: Backbone) -> dict[str, Any]:
        """What a trial must hold for ``suggest`` to give this backbone.

        Raises:
            InvalidArgument: if the architecture lies outside the space.
        """
        self.limits.require("architecture", architecture)
        return parameters(architecture, self.limits)

    def encode(self, architecture: Backbone) -> str:
        """The published text, ``SuperConvK3BNRELU(3,8,2,1)SuperResIDWE6K3(8,32,2,8,1)...``."""
        return _backbone_text.encode(architecture)

    def decode(self, text: str) -> Backbone:
        """The backbone of a published text.

        Raises:
            InvalidArgument: if it is none, or lies outside the space.
        """
        architecture = _backbone_text.decode(text)
        if objection := self.limits.objection(architecture):
            raise InvalidArgument(f"text={text!r} lies outside the space: {objection}")
        return architecture

    def canonical(self, architecture: Backbone) -> Backbone:
        """Equal super-blocks in a row as one, which may have any number of sub-layers.

        Where the link that the second begins with, a projected one, would be the identity in the
        middle of a super-block, they stay two.
        """
        merged: list[SuperBlock] = []
        for block in architecture.blocks:
            if merged and self._continues(merged[-1], block):
                layers = merged[-1].layers + block.layers
                merged[-1] = replace(merged[-1], layers=layers)
            else:
                merged.append(block)
        return replace(architecture, stages=staged(merged))

    def build(self, architecture: Backbone) -> nn.Module:
        """The network for images of three channels; of any backbone, also outside the space."""
        return Network(
            architecture,
            classes=self.classes,
            residual=self.residual,
            squeeze_excite=self.squeeze_excite,
        )

    def params(self, architecture: Backbone) -> int:
        """Number of the network's parameters, by formula."""
        return backbone_params(
            architecture,
            classes=self.classes,
            residual=self.residual,
            squeeze_excite=self.squeeze_excite,
        )

    def flops(self, architecture: Backbone, input_shape: tuple[int, ...]) -> int:
        """Multiply-adds as ``costs.flops`` counts them on the network, by formula.

        Args:
            architecture: a backbone.
            input_shape: 3, height and width in pixels.

        Raises:
            InputShapeMismatch: if it is another.
        """
        if len(input_shape) != 3 or input_shape[0] != 3 or min(input_shape) < 1:
            raise InputShapeMismatch(f"input_shape={input_shape}: pass (3, height, width)")
        return backbone_flops(
            architecture,
            *input_shape[1:],
            classes=self.classes,
            residual=self.residual,
            squeeze_excite=self.squeeze_excite,
        )

    def layers(self, architecture: Backbone) -> int:
        """Sub-layers in all, stem and head included."""
        return architecture.layers

    def _continues(self, before: SuperBlock, block: SuperBlock) -> bool:
        """Whether the two compute what one super-block of all their sub-layers does."""
        if replace(before, stride=1, layers=block.layers) != block:
            return False
        reshaped = KINDS[block.kind].family == "inverted" and block.bottleneck != block.channels
        return reshaped or not self.residual


def _initial(initial: str | Backbone, kinds: tuple[str, ...]) -> Backbone:
    if isinstance(initial, Backbone):
        return initial
    backbone = _backbone_text.decode(PRESETS.get(initial, initial))
    if initial not in PRESETS or not kinds:
        return backbone
    blocks = [b if b.kind in kinds else replace(b, kind=kinds[0]) for b in backbone.blocks]
    return replace(backbone, stages=staged(blocks))


__all__ = [
    "IDW",
    "KINDS",
    "PRESETS",
    "PUBLISHED",
    "Backbone",
    "Convolution",
    "Stages",
    "SuperBlock",
]
