"""Each way to wait for the device counts as one, and nothing else counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from zc_plugins.testing import count_synchronisations


def vector() -> Tensor:
    return torch.tensor([3.0, 1.0, 2.0])


def number() -> Tensor:
    return torch.tensor(1.5)


def square() -> Tensor:
    return torch.tensor([[2.0, 1.0], [1.0, 3.0]])


class ReadsInCpp(torch.autograd.Function):
    """Waits in the backward pass, which Python's function mode does not see from within C++."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * gradient.sum().item()


def backward() -> None:
    x = vector().requires_grad_()
    ReadsInCpp.apply(x).sum().backward()


ONE: dict[str, Callable[[], Any]] = {
    "item": lambda: number().item(),
    "float": lambda: float(number()),
    "int": lambda: int(number()),
    "bool": lambda: bool(number()),
    "if": lambda: 1 if number() else 2,
    "index": lambda: range(torch.tensor(3)),
    "format": lambda: f"{number():.2f}",
    "tolist": lambda: vector().tolist(),
    "tolist of a number": lambda: number().tolist(),
    "cpu": lambda: vector().cpu(),
    "to cpu": lambda: vector().to("cpu"),
    "to cpu by keyword": lambda: vector().to(device="cpu", dtype=torch.float64),
    "numpy": lambda: vector().numpy(),
    "asarray": lambda: np.asarray(vector()),
    "cpu then numpy": lambda: vector().cpu().numpy(),
    "cpu then anything": lambda: [t.item() for t in (vector().cpu() * 2).reshape(3, 1)[1:]],
    "detach cpu numpy": lambda: vector().requires_grad_().detach().cpu().numpy(),
    "equal": lambda: torch.equal(vector(), vector()),
    "allclose": lambda: torch.allclose(vector(), vector()),
    "is_nonzero": lambda: torch.is_nonzero(number()),
    "nonzero": lambda: vector().nonzero(),
    "where": lambda: torch.where(vector() > 1),
    "mask": lambda: vector()[vector() > 1],
    "masked_select": lambda: vector().masked_select(vector() > 1),
    "unique": lambda: vector().unique(),
    "eigh": lambda: torch.linalg.eigh(square()),
    "eigvalsh": lambda: torch.linalg.eigvalsh(square()),
    "eig": lambda: torch.linalg.eigvals(square()),
    "svd": lambda: torch.linalg.svdvals(square()),
    "inverse": lambda: torch.linalg.inv(square()),
    "backward": backward,
}

NONE: dict[str, Callable[[], Any]] = {
    "arithmetic": lambda: (vector() @ vector()).exp() + 1,
    "comparison": lambda: (vector() > 1).all() & vector().isfinite().all(),
    "shape": lambda: (len(vector()), vector().shape, vector().numel(), vector().dtype),
    "views": lambda: vector()[1:].reshape(2, 1).detach().clone(),
    "dtype": lambda: vector().to(torch.float64),
    "the model's device": lambda: vector().to(torch.device("cpu")),
    "meta": lambda: vector().to("meta") * 2,
    "integer index": lambda: vector()[torch.tensor([0, 1])],
}


def copy_then_source() -> None:
    device = number()
    device.cpu()
    device.item()


TWO: dict[str, Callable[[], Any]] = {
    "two items": lambda: number().item() + number().item(),
    "the source of a copy is on the device still": copy_then_source,
}


@pytest.mark.parametrize(
    ("work", "count"),
    [pytest.param(work, 1, id=name) for name, work in ONE.items()]
    + [pytest.param(work, 0, id=name) for name, work in NONE.items()]
    + [pytest.param(work, 2, id=name) for name, work in TWO.items()],
)
def test_count(work: Callable[[], Any], count: int) -> None:
    with count_synchronisations() as synchronisations:
        work()
    assert synchronisations.count == count, synchronisations.calls


def test_meta_control_flow_does_not_count() -> None:
    with count_synchronisations() as synchronisations, pytest.raises(RuntimeError):
        torch.empty((), device="meta").item()
    assert synchronisations.count == 0


def test_nothing_is_counted_outside() -> None:
    with count_synchronisations() as synchronisations:
        number().item()
    number().item()
    assert synchronisations.count == 1
    assert synchronisations.calls == ["_local_scalar_dense"]
