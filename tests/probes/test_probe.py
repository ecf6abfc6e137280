"""What a user may ask for as an excitation, and the batch that comes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from zc_plugins.errors import InvalidArgument, NonFiniteInput, ZeroCostError
from zc_plugins.probes import Excitation
from zc_plugins.probes._probe import to_host

CPU = torch.device("cpu")


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "input_shape"),
        ({"input_shape": ()}, "positive sizes"),
        ({"input_shape": (3, 0)}, "positive sizes"),
        ({"input_shape": (3,), "batch_size": 1}, "batch_size=1"),
        ({"inputs": torch.ones(1, 3)}, "batch_size=1"),
        ({"inputs": torch.ones(4, 3), "input_shape": (4,)}, "contradicts"),
        ({"inputs": torch.tensor([[1.0], [torch.nan]])}, "NaN or infinity"),
        ({"inputs": torch.tensor([[1.0], [torch.inf]])}, "NaN or infinity"),
    ],
)
def test_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as caught:
        Excitation(**settings)
    assert isinstance(caught.value, ZeroCostError)
    assert isinstance(caught.value, NonFiniteInput) is ("NaN" in message)


def test_inputs_tell_shape_and_batch() -> None:
    excitation = Excitation(inputs=torch.ones(5, 3, 8, 8))
    assert excitation.input_shape == (3, 8, 8)
    assert excitation.batch_size == 5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_gaussian_batch(dtype: torch.dtype) -> None:
    excitation = Excitation((3, 32, 32), batch_size=16)
    x = excitation.batch(CPU, dtype, generator())
    assert (x.shape, x.dtype) == ((16, 3, 32, 32), dtype)
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert abs(float(x.float().mean())) < 0.02
    assert float(x.float().std()) == pytest.approx(1, rel=0.02)
    assert torch.equal(x, excitation.batch(CPU, dtype, generator()))


def test_own_batch_takes_the_networks_type_unless_it_counts() -> None:
    floating = Excitation(inputs=torch.rand(4, 3)).batch(CPU, torch.float64, generator())
    assert floating.dtype == torch.float64
    tokens = Excitation(inputs=torch.ones(4, 3, dtype=torch.int64))
    assert tokens.batch(CPU, torch.float32, generator()).dtype == torch.int64


def test_one_transfer_keeps_order_and_shapes() -> None:
    a, b, c = torch.rand(2, 3), torch.rand(()), torch.rand(4, dtype=torch.float64)
    reading = to_host(["x", "y"], [[("x", a), ("y", b)], [], [("y", c)]])
    assert reading.layers == ("x", "y")
    first, second, third = reading.statistics
    assert [name for name, _ in first] == ["x", "y"]
    assert second == ()
    np.testing.assert_array_equal(first[0][1], a.double().numpy())
    assert first[1][1].shape == ()
    np.testing.assert_array_equal(third[0][1], c.numpy())
    assert to_host(["x"], [[], []]).statistics == ((), ())
