"""Losses of pairs: true to rank correlation, to their gradients, and to their bound on memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from zc_plugins import losses
from zc_plugins.errors import InvalidArgument
from zc_plugins.losses import diff_kendall, pairwise_hinge
from zc_plugins.ranking import kendall_tau

Loss = Callable[[Tensor, Tensor], Tensor]


def sharp(predictions: Tensor, accuracy: Tensor) -> Tensor:
    return diff_kendall(predictions, accuracy, temperature=1e-6)


def soft(predictions: Tensor, accuracy: Tensor) -> Tensor:
    return diff_kendall(predictions, accuracy, temperature=0.7, accuracy_temperature=0.3)


def drawn(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    both = torch.randn(2, count, generator=rng, dtype=torch.float64)
    return both[0].requires_grad_(), both[1] + 0.5 * both[0].detach()


def naive(pair: Callable[[float, float], float], predictions: Tensor, accuracy: Tensor) -> float:
    made, true = predictions.tolist(), accuracy.tolist()
    values = [
        pair(made[i] - made[j], true[i] - true[j]) for i in range(len(true)) for j in range(i)
    ]
    return float(np.mean(values))


def test_a_sharp_one_is_kendalls_tau() -> None:
    predictions, accuracy = drawn(40)
    tau = kendall_tau(predictions.detach().numpy(), accuracy.numpy())
    assert abs(float(sharp(predictions, accuracy).detach()) - (1 - tau)) < 1e-9


def test_each_pair_once() -> None:
    predictions, accuracy = drawn(9)
    wanted = naive(lambda p, a: 1 - np.tanh(p / 0.7) * np.tanh(a / 0.3), predictions, accuracy)
    assert float(soft(predictions, accuracy).detach()) == pytest.approx(wanted, rel=1e-12)
    accuracy[2] = accuracy[5]
    wanted = naive(lambda p, a: max(0.0, 0.1 - p * np.sign(a)) if a else 0.0, predictions, accuracy)
    found = float(pairwise_hinge(predictions, accuracy).detach())
    assert found == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("loss", [diff_kendall, soft, pairwise_hinge])
def test_gradients(loss: Loss, monkeypatch: pytest.MonkeyPatch) -> None:
    predictions, accuracy = drawn(11)
    accuracy[3] = accuracy[7]
    assert torch.autograd.gradcheck(lambda p: loss(p, accuracy), predictions)
    whole = torch.autograd.grad(loss(predictions, accuracy), predictions)[0]
    monkeypatch.setattr(losses, "ROWS", 4)
    assert torch.autograd.gradcheck(lambda p: loss(p, accuracy), predictions)
    torch.testing.assert_close(
        torch.autograd.grad(loss(predictions, accuracy), predictions)[0], whole
    )


@pytest.mark.parametrize("loss", [diff_kendall, pairwise_hinge])
def test_descent_finds_the_order(loss: Loss) -> None:
    start, accuracy = drawn(30)
    predictions = (0.1 * start.detach()).requires_grad_()
    optimizer = torch.optim.Adam([predictions], lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        loss(predictions, accuracy).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert kendall_tau(predictions.detach().numpy(), accuracy.numpy()) > 0.99


class Largest(TorchDispatchMode):
    """Remembers the size of the largest tensor that any operation makes."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        sizes = [leaf.numel() for leaf in tree_leaves(made) if isinstance(leaf, Tensor)]
        self.numbers = max([self.numbers, *sizes])
        return made


@pytest.mark.parametrize("loss", [diff_kendall, pairwise_hinge])
def test_memory_is_bounded(loss: Loss) -> None:
    predictions, accuracy = drawn(2000)
    with Largest() as seen:
        loss(predictions, accuracy).backward()  # type: ignore[no-untyped-call]
    assert 2000 < seen.numbers <= losses.ROWS * 2000 < 2000 * 2000


def test_arguments() -> None:
    predictions, accuracy = drawn(4)
    with pytest.raises(InvalidArgument, match=r"shapes \(4,\) and \(3,\)"):
        diff_kendall(predictions, accuracy[:3])
    with pytest.raises(InvalidArgument, match="at least 2"):
        pairwise_hinge(predictions[:1], accuracy[:1])
    with pytest.raises(InvalidArgument, match="temperature=0"):
        diff_kendall(predictions, accuracy, temperature=0)
    with pytest.raises(InvalidArgument, match="margin=0"):
        pairwise_hinge(predictions, accuracy, margin=0)
