"""Average pools read contiguous tensors where the device's gradient is wrong otherwise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zc_plugins import Excitation, Scorer
from zc_plugins.probes import _pooling
from zc_plugins.probes._pooling import right_pooling
from zc_plugins.spaces.nasbench201 import Cell, NasBench201

CPU = torch.device("cpu")
SHAPE = (3, 8, 8)
GRADIENTS = ("grad_norm", "trainability", "zico", "synflow", "snip", "jacov")
POOLS = Cell(("avg_pool_3x3", "nor_conv_3x3", "none", "skip_connect", "avg_pool_3x3", "none"))


class Pools(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 6, 3), nn.Linear(6, 4)
        self.seen: list[bool] = []

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(input=self.conv(x), kernel_size=3, stride=1, padding=1)
        self.seen.append(x.is_contiguous())
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


def test_where_it_is_tried() -> None:
    assert not _pooling._is_wrong(CPU)
    assert _pooling._is_wrong(torch.device("mps"))


def test_the_trial_finds_nothing_where_the_gradient_is_right() -> None:
    for layout in (torch.channels_last, torch.contiguous_format):
        assert _pooling._gradient(layout, CPU).tolist() == torch.ones(1, 2, 4, 4).tolist()


def test_each_pool_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(2, *SHAPE).contiguous(memory_format=torch.channels_last)
    model = Pools().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    wanted = model(x)
    monkeypatch.setattr(_pooling, "_is_wrong", lambda device: True)
    with right_pooling(CPU):
        torch.testing.assert_close(model(x), wanted)
    model(x)
    assert model.seen == [False, True, False]


def test_scores_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def values() -> object:
        scorer = Scorer(GRADIENTS, Excitation(SHAPE, batch_size=4), device="cpu")
        return scorer.score([POOLS], space=NasBench201(channels=4, cells_per_stage=1)).values

    wanted = values()
    monkeypatch.setattr(_pooling, "_is_wrong", lambda device: True)
    np.testing.assert_allclose(values(), wanted, rtol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gradients_are_those_of_the_cpu() -> None:
    """In float32, where convolutions hand channels last on; in float64 they do not."""
    torch.manual_seed(0)
    model = NasBench201(channels=8, cells_per_stage=1).build(POOLS)
    given = Excitation(
        inputs=torch.randn(8, *SHAPE), targets=torch.arange(8), initialisation="keep"
    )
    here, there = (
        Scorer(("grad_norm", "snip", "fisher"), given).score([model.to(device)]).values
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(there, here, rtol=0.02)
