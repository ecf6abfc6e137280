"""Small networks with their batches, and what the slow twins of the proxies read of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zc_plugins import Excitation, Scorer

BATCH, CLASSES = 16, 4


class Grouped(nn.Module):
    """Two rectifiers, a grouped and a strided convolution, a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.norm1, self.norm2 = nn.BatchNorm2d(6), nn.BatchNorm2d(6)
        self.mix = nn.Conv2d(6, 6, 3, padding=1, groups=3, bias=False)
        self.down = nn.Conv2d(6, 8, 3, 2, 1)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm1(self.stem(x)))
        x = torch.relu(x + self.norm2(self.mix(x)))
        return self.head(torch.relu(self.down(x)).mean((2, 3)))


def plain() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Conv2d(5, 7, 3, 2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(7, CLASSES),
    )  # fmt: skip


def perceptron() -> nn.Module:
    return nn.Sequential(
        nn.Linear(9, 32), nn.ReLU(), nn.Linear(32, 24), nn.ReLU(), nn.Linear(24, CLASSES)
    )


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "plain": (plain, (3, 9, 9)),
    "grouped": (Grouped, (3, 8, 8)),
    "perceptron": (perceptron, (9,)),
}


class Case:
    """One network with its batches, in float64."""

    def __init__(self, name: str, seed: int) -> None:
        build, shape = NETWORKS[name]
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.network = build().double().train()
            self.twin = build().double()
            # One unit of the last rectifier shall be dead.
            self.layers()[-2].get_parameter("bias").data[0] -= 9
            self.x, self.x2 = torch.randn(2, BATCH, *shape, dtype=torch.float64)
            self.y, self.y2 = torch.randint(0, CLASSES, (2, BATCH))

    def score(self, proxy: str, **settings: Any) -> float:
        given = {"targets": self.y, "second": (self.x2, self.y2), "initialisation": "keep"}
        excitation = Excitation(inputs=self.x, **{**given, **settings})
        table = Scorer([proxy], excitation, device="cpu").score([self.network])
        assert not table.notes[0], table.notes
        return float(table.values[0, 0])

    def layers(self) -> list[nn.Module]:
        kinds = (nn.Conv2d, nn.Linear)
        return [m for m in self.network.modules() if isinstance(m, kinds)]

    def weights(self) -> list[Tensor]:
        return [layer.get_parameter("weight") for layer in self.layers()]

    def loss(self) -> Tensor:
        return F.cross_entropy(self.network(self.x), self.y)

    def outputs(self, kind: Any, *, entering: bool = False) -> list[Tensor]:
        """Of all modules of a class during one forward; their inputs if ``entering``."""
        kept: list[Tensor] = []

        def keep(module: nn.Module, args: Any, output: Tensor) -> None:
            kept.append((args[0] if entering else output).detach().clone())

        hooks = [
            m.register_forward_hook(keep) for m in self.network.modules() if isinstance(m, kind)
        ]
        self.network(self.x)
        for hook in hooks:
            hook.remove()
        return kept

    def rectified(self) -> list[Tensor]:
        """What enters each ReLU; written out for the network that has no modules for them."""
        if not isinstance(self.network, Grouped):
            return self.outputs(nn.ReLU, entering=True)
        net = self.network
        first = net.norm1(net.stem(self.x))
        second = first.relu() + net.norm2(net.mix(first.relu()))
        return [t.detach() for t in (first, second, net.down(second.relu()))]

    def patterns(self) -> list[list[tuple[bool, ...]]]:
        """For each rectifier, of each sample the units that are on."""
        return [[tuple((r > 0).flatten().tolist()) for r in layer] for layer in self.rectified()]
