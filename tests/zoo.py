"""Small networks of many kinds: what users bring."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm


def conv_bn_relu(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Head(nn.Module):
    def __init__(self, width: int, classes: int = 10) -> None:
        super().__init__()
        self.linear = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.mean(dim=tuple(range(2, x.dim()))))


def plain_cnn() -> nn.Module:
    return nn.Sequential(
        conv_bn_relu(3, 8), conv_bn_relu(8, 16, 2), conv_bn_relu(16, 24, 2), Head(24)
    )


def conv1d() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(2, 8, 5, padding=2),
        nn.ReLU(),
        nn.Conv1d(8, 12, 5, 2, 2),
        nn.ReLU(),
        nn.Conv1d(12, 12, 3, padding=1),
        nn.ReLU(),
        Head(12),
    )


def conv3d() -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(1, 6, 3, padding=1),
        nn.BatchNorm3d(6),
        nn.ReLU(),
        nn.Conv3d(6, 8, 3, 2, 1),
        nn.ReLU(),
        nn.Conv3d(8, 8, 3, padding=1),
        nn.ReLU(),
        Head(8),
    )


def mlp() -> nn.Module:
    return nn.Sequential(
        nn.Linear(12, 32),
        nn.ReLU(),
        nn.Linear(32, 24),
        nn.GELU(),
        nn.Linear(24, 16),
        nn.Tanh(),
        nn.Linear(16, 3),
    )


class BasicBlock(nn.Module):
    """As torchvision's: one ReLU module that runs twice, the sum written with an operator."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += shortcut
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(BasicBlock(8, 8), BasicBlock(8, 8))
        self.layer2 = nn.Sequential(BasicBlock(8, 16, 2), BasicBlock(16, 16))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer2(self.layer1(x))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        hidden = 2 * inputs
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.skips = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.skips else self.conv(x)


def mobilenet() -> nn.Module:
    return nn.Sequential(
        conv_bn_relu(3, 8),
        InvertedResidual(8, 8, 1),
        InvertedResidual(8, 16, 2),
        InvertedResidual(16, 16, 1),
        Head(16),
    )


class DenseLayer(nn.Module):
    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.relu(self.norm(x)))


class DenseBlock(nn.Module):
    def __init__(self, inputs: int, growth: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DenseLayer(inputs + i * growth, growth) for i in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return x


class DenseNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.block1 = DenseBlock(8, 4, 2)
        self.transition = nn.Sequential(
            nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 8, 1), nn.AvgPool2d(2)
        )
        self.block2 = DenseBlock(8, 4, 2)
        self.head = Head(16)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.block2(self.transition(self.block1(self.stem(x)))))


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        attended = (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1) @ v
        return self.proj(attended.transpose(1, 2).reshape(batch, tokens, width))


class TransformerBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(0.1), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    def __init__(self, *, builtin: bool = False, width: int = 16) -> None:
        super().__init__()
        self.patch_embed = nn.Conv2d(3, width, 4, 4)
        self.cls_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.pos_embed = nn.Parameter(torch.randn(1, 17, width) * 0.02)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 4, 2 * width, batch_first=True)
            if builtin
            else TransformerBlock(width, 4)
            for _ in range(3)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class InPlace(nn.Module):
    """In-place operations on block inputs and outputs, as functions and as modules."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            [nn.Conv2d(3, 8, 3, padding=1)] + [nn.Conv2d(8, 8, 3, padding=1) for _ in range(3)]
        )
        self.relu = nn.ReLU(inplace=True)
        self.head = Head(8)

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = conv(x)
            x += 0.5
            x = F.relu_(self.relu(x.mul_(1.5)))
        return self.head(x)


class Shared(nn.Module):
    """One convolution and one ReLU that run three times."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.alias = self.conv
        self.relu = nn.ReLU()
        self.head = Head(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.stem(x))
        for conv in (self.conv, self.alias, self.conv):
            x = self.relu(conv(x))
        return self.head(x)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(6, 12)
        self.lstm = nn.LSTM(12, 12, batch_first=True)
        self.mix = nn.Linear(12, 12)
        self.head = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        x, _ = self.lstm(torch.tanh(self.embed(x)))
        return self.head(torch.relu(self.mix(x))[:, -1])


class Pair(NamedTuple):
    main: Tensor
    side: Tensor


class AttributeDict(OrderedDict[str, Any]):
    """Items that are attributes too, as in Hugging Face's outputs."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Bundled(nn.Module):
    """A convolution whose output is wrapped in a tuple, a named tuple or a mapping."""

    def __init__(self, inputs: int, kind: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, 8, 3, padding=1)
        self.kind = kind

    def forward(self, x: Any) -> Any:
        if not isinstance(x, Tensor):
            x = x.main if hasattr(x, "main") else x["main"] if isinstance(x, dict) else x[0]
        x = F.relu(self.conv(x))
        return {
            "tuple": (x, None),
            "list": [x, 1],
            "named": Pair(x, x.new_zeros(1)),
            "dict": {"main": x, "size": 8},
            "attributes": AttributeDict(main=x, size=8),
        }[self.kind]


class Nested(nn.Module):
    """Blocks and the network itself return nested outputs."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Bundled(3, kind), Bundled(8, kind), Bundled(8, kind)])
        self.last = Bundled(8, "attributes")
        self.head = Head(8)

    def forward(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.last(x).main)
        return {"logits": logits, "extra": (logits.detach(), "text", None)}


def dropout_group_norm() -> nn.Module:
    def block(inputs: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inputs, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.SiLU(), nn.Dropout2d(0.3)
        )

    return nn.Sequential(block(3), block(8), nn.MaxPool2d(2), block(8), Head(8))


def vgg() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(8 * 4 * 4, 32),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(32, 10),
    )


def valid_convolutions() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.ReLU(),
        nn.Conv2d(8, 8, 5, 2),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3),
        nn.ReLU(),
        Head(8),
    )


def decoder() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(4, 12, 3, padding=1),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(12, 8, 3, padding=1),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 8, 4, 2, 1),
        nn.ReLU(),
        nn.Conv2d(8, 3, 3, padding=1),
    )


class Chain(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = conv_bn_relu(inputs, outputs), conv_bn_relu(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))


class ValueDependent(nn.Module):
    """Control flow that reads values, which the meta device cannot do."""

    def __init__(self) -> None:
        super().__init__()
        self.early = Chain(3, 8)
        self.late = Chain(8, 12)
        self.head = Head(12)

    def forward(self, x: Tensor) -> Tensor:
        x = self.early(x)
        if x.sum() > 1e30:
            x = -x
        return self.head(self.late(x))


def parametrised() -> nn.Module:
    return nn.Sequential(
        weight_norm(nn.Conv2d(3, 8, 3, padding=1)),
        nn.ReLU(),
        spectral_norm(nn.Conv2d(8, 8, 3, padding=1)),
        nn.ReLU(),
        weight_norm(nn.Conv2d(8, 8, 3, padding=1)),
        nn.ReLU(),
        Head(8),
    )


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(1, 8, 3, padding=1)
        self.body = nn.Sequential(conv_bn_relu(8, 8), conv_bn_relu(8, 12, 2), conv_bn_relu(12, 12))
        self.head = Head(12)

    def forward(self, image: Tensor, depth: Tensor) -> Tensor:
        return self.head(self.body(self.left(image) + self.right(depth)))


def two_inputs(model: nn.Module, x: Tensor) -> Any:
    """How ``TwoInputs`` is called on one tensor of four channels."""
    return model(x[:, :3], x[:, 3:])


class CachesMask(nn.Module):
    """Keeps a constant from its first forward, on the device of that forward's input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.mask: Tensor | None = None
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if self.mask is None:
            self.mask = torch.ones(x.shape[2:], device=x.device).tril()
        return F.relu(self.conv(x * self.mask))


def caching() -> nn.Module:
    return nn.Sequential(conv_bn_relu(3, 8), CachesMask(), CachesMask(), Head(8))


NETWORKS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "plain_cnn": (plain_cnn, (3, 16, 16)),
    "conv1d": (conv1d, (2, 40)),
    "conv3d": (conv3d, (1, 8, 8, 8)),
    "mlp": (mlp, (12,)),
    "resnet": (ResNet, (3, 32, 32)),
    "mobilenet": (mobilenet, (3, 16, 16)),
    "densenet": (DenseNet, (3, 16, 16)),
    "vit": (ViT, (3, 16, 16)),
    "vit_builtin": (lambda: ViT(builtin=True), (3, 16, 16)),
    "in_place": (InPlace, (3, 16, 16)),
    "shared": (Shared, (3, 16, 16)),
    "recurrent": (Recurrent, (9, 6)),
    "tuple": (lambda: Nested("tuple"), (3, 16, 16)),
    "list": (lambda: Nested("list"), (3, 16, 16)),
    "named": (lambda: Nested("named"), (3, 16, 16)),
    "dict": (lambda: Nested("dict"), (3, 16, 16)),
    "attributes": (lambda: Nested("attributes"), (3, 16, 16)),
    "dropout_group_norm": (dropout_group_norm, (3, 16, 16)),
    "vgg": (vgg, (3, 16, 16)),
    "valid": (valid_convolutions, (3, 20, 20)),
    "decoder": (decoder, (4, 8, 8)),
    "value_dependent": (ValueDependent, (3, 16, 16)),
    "parametrised": (parametrised, (3, 16, 16)),
    "caching": (caching, (3, 16, 16)),
    "plain_17": (plain_cnn, (3, 17, 17)),
    "plain_18": (plain_cnn, (3, 18, 18)),
    "plain_33": (plain_cnn, (3, 33, 33)),
    "plain_9x14": (plain_cnn, (3, 9, 14)),
}
"""Builder and input shape by name; all are live."""
