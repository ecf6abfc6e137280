"""The networks, weights and inputs behind the reference numbers, as their README describes them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn


def conv_bn_relu(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def conv_relu(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2), nn.ReLU())


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, hidden: int, outputs: int, stride: int) -> None:
        super().__init__()
        # Flat, as the reference: MeCo's code counts containers.
        self.pw = nn.Conv2d(inputs, hidden, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.dw = nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False)
        self.bn2 = nn.BatchNorm2d(hidden)
        self.pj = nn.Conv2d(hidden, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()
        self.skips = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        body = self.relu1(self.bn1(self.pw(x)))
        body = self.bn3(self.pj(self.relu2(self.bn2(self.dw(body)))))
        return x + body if self.skips else body


class Tiny(nn.Module):
    def __init__(self, stages: list[nn.Module], width: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        for stage in self.stages:
            x = stage(x)
        return self.head(x.mean((2, 3)))


def n1() -> Tiny:
    stages = [
        conv_bn_relu(3, 8),
        conv_bn_relu(8, 16, 3, 2),
        conv_bn_relu(16, 16),
        conv_bn_relu(16, 32, 3, 2),
    ]
    return Tiny(stages, 32)


def n2() -> Tiny:
    return Tiny([conv_relu(3, 8, 3), conv_relu(8, 12, 3, 2), conv_relu(12, 12, 1)], 12)


def n3() -> Tiny:
    stages = [
        conv_bn_relu(3, 16, 3, 2),
        InvertedResidual(16, 32, 16, 1),
        InvertedResidual(16, 32, 24, 2),
        conv_bn_relu(24, 48, 1),
    ]
    return Tiny(stages, 48)


TINY = {"N1": n1, "N2": n2, "N3": n3, "N1_B16_R32": n1}


def with_rule_weights(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Every parameter drawn in order from one numpy stream, rounded to float32."""
    stream = np.random.RandomState(0)
    scales = {
        id(module.weight) for module in network.modules() if isinstance(module, nn.BatchNorm2d)
    }
    with torch.no_grad():
        for parameter in network.parameters():
            values = stream.standard_normal(tuple(parameter.shape))
            if parameter.dim() >= 2:
                values = values * np.sqrt(2 / np.prod(parameter.shape[1:]))
            elif id(parameter) in scales:
                values = 1 + 0.1 * values
            else:
                values = 0.1 * values
            parameter.copy_(torch.from_numpy(values.astype(np.float32)))
    return network.to(dtype)


def with_gauss_weights(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    """The same stream, unscaled, for weights; normalisation weight 1, all else 0."""
    stream = np.random.RandomState(0)
    scales = {
        id(module.weight) for module in network.modules() if isinstance(module, nn.BatchNorm2d)
    }
    with torch.no_grad():
        for parameter in network.parameters():
            values = stream.standard_normal(tuple(parameter.shape))
            if parameter.dim() < 2:
                values = np.full_like(values, float(id(parameter) in scales))
            parameter.copy_(torch.from_numpy(values.astype(np.float32)))
    return network.to(dtype)


def labels(batch: int, seed: int = 2) -> Tensor:
    return torch.from_numpy(np.random.RandomState(seed).randint(0, 10, batch))


def inputs(batch: int, resolution: int, dtype: torch.dtype, seed: int = 1) -> Tensor:
    values = np.random.RandomState(seed).standard_normal((batch, 3, resolution, resolution))
    return torch.from_numpy(values.astype(np.float32)).to(dtype)


def cotangents(shapes: list[torch.Size]) -> Callable[[int, torch.Size], Tensor]:
    """The reference's signs, which it draws from the last block pair to the first."""
    stream = np.random.RandomState(3)
    drawn = {
        place: torch.from_numpy(2 * stream.randint(0, 2, size=tuple(shapes[place])) - 1)
        for place in range(len(shapes) - 1, 0, -1)
    }
    return lambda place, shape: drawn[place]
