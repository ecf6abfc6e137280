"""AutoFormer's space: vision transformers of varying depth, width, heads and MLP ratios."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces._vit_network import VisionTransformer


@dataclass(frozen=True)
class Transformer:
    """One vision transformer; its depth is the number of its blocks.

    Attributes:
        embedding: channels of a token.
        heads: of the attention, one number a block.
        mlp_ratios: hidden units of the MLP, as a multiple of ``embedding``, one number a block.

    Raises:
        InvalidArgument: unless all are positive and heads and ratios equally many.
    """

    embedding: int
    heads: tuple[int, ...]
    mlp_ratios: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.heads) != len(self.mlp_ratios) or not self.heads:
            raise InvalidArgument(
                f"heads={self.heads} and mlp_ratios={self.mlp_ratios}: pass one of each a block"
            )
        if self.embedding < 1 or min(self.heads) < 1 or self.embedding * min(self.mlp_ratios) < 1:
            raise InvalidArgument(f"{self}: pass positive numbers")

    @property
    def depth(self) -> int:
        """Number of blocks."""
        return len(self.heads)


@dataclass(frozen=True)
class Ranges:
    """The choices of a space.

    Attributes:
        embeddings: channels of a token.
        depths: numbers of blocks.
        heads: of each block's attention.
        mlp_ratios: hidden units of each block's MLP, as a multiple of the embedding.

    Raises:
        InvalidArgument: if a range is empty or holds a number that is not positive.
    """

    embeddings: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    mlp_ratios: tuple[float, ...]

    def __post_init__(self) -> None:
        for name, choices in vars(self).items():
            if not choices or min(choices) <= 0:
                raise InvalidArgument(f"{name}={choices}: pass one positive number or more")


PRESETS = {
    "tiny": Ranges((192, 216, 240), (12, 13, 14), (3, 4), (3.5, 4.0)),
    "small": Ranges((320, 384, 448), (12, 13, 14), (5, 6, 7), (3.0, 3.5, 4.0)),
    "base": Ranges((528, 576, 624), (14, 15, 16), (9, 10), (3.0, 3.5, 4.0)),
}
"""AutoFormer's three spaces; the paper searches them around 6, 23 and 54 million parameters."""


class VitSpace:
    """Vision transformers whose embedding and depth vary, and heads and MLP ratio block by block.

    Positions are learned absolute ones; AutoFormer's relative ones on top of them are left out.

    Args:
        ranges: ``"tiny"``, ``"small"``, ``"base"``, or ranges of your own.
        image_size: of square images of three channels, in pixels.
        patch_size: side of a patch, in pixels; must divide the image's.
        classes: outputs of the classifier.

    Raises:
        InvalidArgument: if the preset is unknown or a number is impossible.

    References:
        Chen et al., AutoFormer, ICCV 2021, arXiv:2107.00651.
    """

    def __init__(
        self,
        ranges: str | Ranges = "tiny",
        *,
        image_size: int = 224,
        patch_size: int = 16,
        classes: int = 1000,
    ) -> None:
        if isinstance(ranges, str):
            if ranges not in PRESETS:
                raise InvalidArgument(f"ranges={ranges!r}: pass one of {sorted(PRESETS)}")
            ranges = PRESETS[ranges]
        if min(image_size, patch_size, classes) < 1 or image_size % patch_size:
            raise InvalidArgument(
                f"image_size={image_size}, patch_size={patch_size}, classes={classes}: "
                "pass positive numbers, image_size a multiple of patch_size"
            )
        self.ranges, self.image_size = ranges, image_size
        self.patch_size, self.classes = patch_size, classes

    @property
    def arguments(self) -> dict[str, Any]:
        """What makes this space again; ranges of a preset by its name."""
        preset = next((name for name in PRESETS if PRESETS[name] == self.ranges), None)
        return {
            "ranges": preset or self.ranges,
            "image_size": self.image_size,
            "patch_size": self.patch_size,
            "classes": self.classes,
        }

    @property
    def name(self) -> str:
        """Identity of the space with its settings."""
        ranges = "-".join(",".join(f"{c:g}" for c in r) for r in vars(self.ranges).values())
        return f"vit-{ranges}-{self.image_size}p{self.patch_size}-{self.classes}"

    def __contains__(self, architecture: Transformer) -> bool:
        ranges = self.ranges
        return (
            architecture.embedding in ranges.embeddings
            and architecture.depth in ranges.depths
            and set(architecture.heads) <= set(ranges.heads)
            and set(architecture.mlp_ratios) <= set(ranges.mlp_ratios)
        )

    def sample(self, rng: np.random.Generator) -> Transformer:
        """A transformer: each choice uniform, so that shallow and deep ones come equally often."""
        return self._assembled(lambda _, choices: _drawn(choices, rng))

    def mutate(self, architecture: Transformer, rng: np.random.Generator) -> Transformer:
        """The transformer with one choice made anew; blocks come and go at its end.

        In a space of one architecture, that one.
        """
        chosen = _choices(architecture)
        others = {
            name: [choice for choice in choices if choice != chosen[name]]
            for name, choices in self._questions(architecture.depth).items()
        }
        names = [name for name, choices in others.items() if choices]
        if not names:
            return architecture
        name = _drawn(names, rng)
        chosen[name] = _drawn(others[name], rng)
        return self._assembled(lambda name, choices: chosen.get(name) or _drawn(choices, rng))

    def suggest(self, trial: Any) -> Transformer:
        """Categorical ``embedding`` and ``depth``, ``heads_0`` and ``mlp_ratio_0`` and so on."""
        return self._assembled(trial.suggest_categorical)

    def parameters(self, architecture: Transformer) -> dict[str, Any]:
        """What a trial must hold for ``suggest`` to give this transformer."""
        return _choices(architecture)

    def encode(self, architecture: Transformer) -> str:
        """Embedding, and heads and ratio of each block: ``192|3x4.0|4x3.5``."""
        pairs = zip(architecture.heads, architecture.mlp_ratios, strict=True)
        blocks = [f"{heads}x{float(ratio)!r}" for heads, ratio in pairs]
        return "|".join([str(architecture.embedding), *blocks])

    def decode(self, text: str) -> Transformer:
        """The transformer that ``encode`` wrote.

        Raises:
            InvalidArgument: if the text is none, or that of a transformer outside the ranges.
        """
        embedding, *blocks = text.split("|")
        pairs = [block.partition("x")[::2] for block in blocks]
        try:
            heads = tuple(int(heads) for heads, _ in pairs)
            ratios = tuple(float(ratio) for _, ratio in pairs)
            architecture = Transformer(int(embedding), heads, ratios)
        except ValueError as error:
            raise InvalidArgument(f"{text!r}: pass a text such as '192|3x4.0|4x3.5'") from error
        if architecture not in self:
            raise InvalidArgument(f"{text!r} lies outside {self.ranges}: pass one of this space")
        return architecture

    def canonical(self, architecture: Transformer) -> Transformer:
        """Itself: no two of them compute the same."""
        return architecture

    def build(self, architecture: Transformer) -> nn.Module:
        """The network, linear weights and position embedding from a truncated normal of std 0.02.

        It declares two blocks a layer in ``zc_blocks``: each ends where a residual is added.
        """
        return VisionTransformer(
            architecture.embedding,
            architecture.heads,
            architecture.mlp_ratios,
            image_size=self.image_size,
            patch_size=self.patch_size,
            classes=self.classes,
        )

    def _questions(self, depth: int) -> dict[str, Sequence[Any]]:
        ranges = self.ranges
        questions: dict[str, Sequence[Any]] = {
            "embedding": ranges.embeddings,
            "depth": ranges.depths,
        }
        for block in range(depth):
            questions[f"heads_{block}"] = ranges.heads
            questions[f"mlp_ratio_{block}"] = ranges.mlp_ratios
        return questions

    def _assembled(self, answer: Callable[[str, Sequence[Any]], Any]) -> Transformer:
        ranges = self.ranges
        embedding, depth = answer("embedding", ranges.embeddings), answer("depth", ranges.depths)
        blocks = [
            (answer(f"heads_{i}", ranges.heads), answer(f"mlp_ratio_{i}", ranges.mlp_ratios))
            for i in range(depth)
        ]
        heads, ratios = zip(*blocks, strict=True)
        return Transformer(embedding, heads, ratios)


def _choices(architecture: Transformer) -> dict[str, Any]:
    """The architecture as answers, by the names of the questions."""
    heads = {f"heads_{i}": heads for i, heads in enumerate(architecture.heads)}
    ratios = {f"mlp_ratio_{i}": ratio for i, ratio in enumerate(architecture.mlp_ratios)}
    return {
        "embedding": architecture.embedding,
        "depth": architecture.depth,
        **heads,
        **ratios,
    }


def _drawn(choices: Sequence[Any], rng: np.random.Generator) -> Any:
    return choices[int(rng.integers(len(choices)))]
