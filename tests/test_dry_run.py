"""Shapes are checked at the border, and a pass without values leaves no trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests import zoo
from zc_plugins._dry_run import checked_shape, dry_run, explained
from zc_plugins.errors import InputShapeMismatch, InvalidArgument


@pytest.mark.parametrize(
    "shape", [(), (0, 3), (-1,), (3.7, 8, 8), (3.0,), "388", None, 8, (None, 3), ("3", 4)]
)
def test_impossible_shapes(shape: Any) -> None:
    with pytest.raises(InvalidArgument, match="positive sizes"):
        checked_shape(shape)


@pytest.mark.parametrize(
    "shape", [(3, 8), [3, 8], torch.Size([3, 8]), np.array([3, 8]), tuple(np.array([3, 8]))]
)
def test_sequences_of_integers(shape: Any) -> None:
    checked = checked_shape(shape)
    assert checked == (3, 8)
    assert [type(size) for size in checked] == [int, int]


@pytest.mark.parametrize("name", [n for n in zoo.NETWORKS if n != "value_dependent"])
def test_runs_on_the_meta_device(name: str) -> None:
    build, shape = zoo.NETWORKS[name]
    x, _ = dry_run(build(), shape)
    assert x.is_meta
    assert x.shape == (2, *shape)


def test_falls_back_to_where_the_network_lies() -> None:
    entered: list[str] = []

    @contextmanager
    def counting() -> Iterator[None]:
        entered.append("anew")
        yield

    x, output = dry_run(zoo.ValueDependent(), (3, 8, 8), around=counting)
    assert not x.is_meta
    assert output.shape == (2, 10)
    assert entered == ["anew", "anew"]


def test_tied_weights_stay_tied() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.out = nn.Linear(4, 8, bias=False), nn.Linear(8, 4, bias=False)
            self.out.weight = nn.Parameter(self.embed.weight.data.T.contiguous())
            self.same = nn.Linear(4, 8, bias=False)
            self.same.weight = self.embed.weight
            self.again = self.embed

        def forward(self, x: Tensor) -> Tensor:
            assert self.same.weight is self.embed.weight
            return self.out(self.again(x) + self.same(x))

    network = Tied()
    before = [(p, p.device) for p in network.parameters()]
    x, _ = dry_run(network, (4,))
    assert x.is_meta
    assert [(id(p), p.device) for p in network.parameters()] == [(id(p), d) for p, d in before]
    assert network.same.weight is network.embed.weight


@pytest.mark.parametrize(
    ("error", "shape_is_at_fault"),
    [
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"), True),
        (RuntimeError("expected input[2, 5, 8, 8] to have 3 channels, but got 5 channels"), True),
        (ValueError("expected 4D input (got 2D input)"), True),
        (IndexError("Dimension out of range"), True),
        (RuntimeError("expected scalar type Half but found Float"), False),
        (RuntimeError("modified by an inplace operation: is at version 3; expected 1"), False),
        (RuntimeError("Tensor on device meta is not on the expected device cpu!"), False),
        (KeyError("shape"), False),
    ],
)
def test_only_errors_about_shapes_blame_the_shape(
    error: Exception, shape_is_at_fault: bool
) -> None:
    assert isinstance(explained(error, (3, 8, 8)), InputShapeMismatch) is shape_is_at_fault
    assert str(error) in str(explained(error, (3, 8, 8)))


def _rows() -> dict[str, Callable[[Tensor], Tensor]]:
    row = torch.zeros(1, 3, 1, 1, device="meta")
    kernel = torch.zeros(6, 3, 3, 2, device="meta")
    single = torch.zeros(3, 1, 3, 3, device="meta")
    line, cube = torch.zeros(5, 3, 2, device="meta"), torch.zeros(5, 3, 2, 1, 3, device="meta")
    back = torch.zeros(3, 5, 2, 2, device="meta")
    return {
        "convolution": lambda x: F.conv2d(x, kernel),
        "strided": lambda x: F.conv2d(x, kernel, stride=2, padding=(2, 1)),
        "dilated": lambda x: F.conv2d(x, kernel, padding=3, dilation=(2, 3)),
        "same": lambda x: F.conv2d(x, single, padding="same", groups=3),
        "depthwise": lambda x: F.conv2d(x, single, padding=1, groups=3),
        "transposed": lambda x: F.conv_transpose2d(x, back, stride=2),
        "channels last convolution": lambda x: F.conv2d(
            x.contiguous(memory_format=torch.channels_last), kernel
        ),
        "without a batch": lambda x: F.conv2d(x[0], kernel),
        "one axis": lambda x: F.conv1d(x.flatten(2), line, stride=3),
        "three axes": lambda x: F.conv3d(x[..., None].expand(-1, -1, -1, -1, 4), cube),
        "product": lambda x: x * x,
        "multiple": lambda x: x.mul(0.0),
        "multiple of integers": lambda x: x.long() * 0.5,
        "complex multiple": lambda x: x * 1j,
        "relu of equal rows": lambda x: torch.relu(x[:1].expand(4, -1, -1, -1)),
        "relu of a slice": lambda x: torch.relu(x[..., ::2]),
        "relu of a turned one": lambda x: torch.relu(x.transpose(1, 3)),
        "normalised": lambda x: F.batch_norm(x, None, None, training=True),
        "sum": lambda x: x + x,
        "mixed layouts": lambda x: x + x.contiguous(memory_format=torch.channels_last),
        "channels last": lambda x: 2 * (y := x.contiguous(memory_format=torch.channels_last)) + y,
        "broadcast": lambda x: x + row,
        "broadcast to the second": lambda x: row + x,
        "scaled": lambda x: torch.add(x, x, alpha=2),
        "number": lambda x: x + 1,
        "number first": lambda x: torch.add(1, x),  # type: ignore[call-overload,no-any-return]
        "promoted": lambda x: x + x.double(),
        "promoted from integers": lambda x: x.long() + x,
        "in place": lambda x: x.clone().add_(x),
        "relu": torch.relu,
    }


@pytest.mark.parametrize("name", list(_rows()))
def test_quick_shapes_are_torchs(name: str) -> None:
    from zc_plugins._dry_run import _QuickShapes

    function, x = _rows()[name], torch.zeros(2, 3, 4, 5, device="meta")
    wanted = function(x)
    with _QuickShapes():  # type: ignore[no-untyped-call]
        got = function(x)
    for attribute in ("shape", "dtype", "device"):
        assert getattr(got, attribute) == getattr(wanted, attribute)
    assert got.stride() == wanted.stride()


@pytest.mark.parametrize(
    ("weight", "groups"), [((6, 4, 3, 3), 1), ((6, 3, 9, 9), 1), ((6, 3, 3, 3), 3)]
)
def test_quick_shapes_refuse_what_torch_refuses(weight: tuple[int, ...], groups: int) -> None:
    from zc_plugins._dry_run import _QuickShapes

    x, kernel = torch.zeros(2, 3, 4, 5, device="meta"), torch.zeros(weight, device="meta")
    with pytest.raises(RuntimeError) as wanted:
        F.conv2d(x, kernel, groups=groups)
    with pytest.raises(RuntimeError) as got, _QuickShapes():  # type: ignore[no-untyped-call]
        F.conv2d(x, kernel, groups=groups)
    assert str(got.value) == str(wanted.value)


def test_a_sum_with_a_number_first_stays_on_the_meta_device() -> None:
    class Plus(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.add(1, x)  # type: ignore[call-overload,no-any-return]

    x, _ = dry_run(Plus(), (3,))
    assert x.is_meta
