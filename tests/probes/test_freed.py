"""Nothing of a pass outlives it: no hook keeps a graph alive."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import Tensor, nn

from zc_plugins import Excitation, Scorer
from zc_plugins.proxies import SHELF


class Watched(nn.Module):
    """Remembers its intermediate features without keeping them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.first, self.second):
            x = layer(x)
            SEEN.append(weakref.ref(x))
            x = torch.relu(x)
        return self.head(x.mean((2, 3)))


SEEN: list[weakref.ref[Tensor]] = []


@pytest.mark.parametrize("proxies", [*([name] for name in SHELF), list(SHELF)], ids=str)
def test_features_are_freed(proxies: list[str]) -> None:
    SEEN.clear()
    Scorer(proxies, Excitation((3, 10, 10), batch_size=4), device="cpu").score([Watched()])
    gc.collect()
    assert not [reference for reference in SEEN if reference() is not None]
