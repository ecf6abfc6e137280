"""The network of a vision transformer: class token, learned positions, blocks that norm first."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HEAD_CHANNELS = 64
"""Of each head, whatever the embedding: queries, keys and values are 64 x heads wide."""


class _Attention(nn.Module):
    """Multi-head self-attention and its residual."""

    def __init__(self, embedding: int, heads: int) -> None:
        super().__init__()
        width = HEAD_CHANNELS * heads
        self.heads = heads
        self.norm = nn.LayerNorm(embedding)
        self.qkv = nn.Linear(embedding, 3 * width)
        self.projection = nn.Linear(width, embedding)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, _ = x.shape
        qkv = self.qkv(self.norm(x)).reshape(batch, tokens, 3, self.heads, HEAD_CHANNELS)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # (batch, heads, tokens, channels) each
        attended = F.scaled_dot_product_attention(query, key, value)
        projected: Tensor = self.projection(attended.transpose(1, 2).flatten(2))
        return x + projected


class _Mlp(nn.Module):
    """Two linear layers on each token, and their residual."""

    def __init__(self, embedding: int, ratio: float) -> None:
        super().__init__()
        hidden = int(embedding * ratio)
        self.norm = nn.LayerNorm(embedding)
        self.expansion = nn.Linear(embedding, hidden)
        self.reduction = nn.Linear(hidden, embedding)

    def forward(self, x: Tensor) -> Tensor:
        reduced: Tensor = self.reduction(F.gelu(self.expansion(self.norm(x))))
        return x + reduced


class VisionTransformer(nn.Module):
    """A plain vision transformer; each of its blocks is two modules that end with their residual.

    Linear weights, class token and positions are drawn from a truncated normal of standard
    deviation 0.02, biases are 0; the patches' convolution keeps torch's own initialisation. There
    is no dropout, so that train and eval mode compute the same.

    Args:
        embedding: channels of a token.
        heads: of each block's attention.
        mlp_ratios: hidden units of each block's MLP, as a multiple of ``embedding``.
        image_size: of square images of three channels, in pixels.
        patch_size: side of a patch, in pixels.
        classes: outputs of the classifier, which reads the class token.

    Attributes:
        zc_blocks: names of the modules whose outputs are features, two a block.
    """

    def __init__(
        self,
        embedding: int,
        heads: Sequence[int],
        mlp_ratios: Sequence[float],
        *,
        image_size: int,
        patch_size: int,
        classes: int,
    ) -> None:
        super().__init__()
        tokens = (image_size // patch_size) ** 2 + 1
        self.patches = nn.Conv2d(3, embedding, patch_size, stride=patch_size)
        self.class_token = nn.Parameter(torch.zeros(1, 1, embedding))
        self.positions = nn.Parameter(torch.zeros(1, tokens, embedding))
        residuals: list[nn.Module] = []
        for number, ratio in zip(heads, mlp_ratios, strict=True):
            residuals += [_Attention(embedding, number), _Mlp(embedding, ratio)]
        self.residuals = nn.ModuleList(residuals)
        self.norm = nn.LayerNorm(embedding)
        self.classifier = nn.Linear(embedding, classes)
        self.zc_blocks = tuple(f"residuals.{place}" for place in range(len(residuals)))
        self._initialise()

    def _initialise(self) -> None:
        nn.init.trunc_normal_(self.class_token, std=0.02)
        nn.init.trunc_normal_(self.positions, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        x = self.patches(images).flatten(2).transpose(1, 2)  # (batch, patches, embedding)
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], dim=1) + self.positions
        for residual in self.residuals:
            x = residual(x)
        logits: Tensor = self.classifier(self.norm(x[:, 0]))
        return logits
