"""Each operator against its literal twin, at the edges, and what it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.discovery.literal import LITERAL
from zc_plugins.discovery.operators import OPERATORS, Operator
from zc_plugins.errors import InvalidArgument, Unscorable

NAN, INF = float("nan"), float("inf")


def tensors(operator: Operator, seed: int) -> list[Tensor]:
    """Arguments of four axes with some zeros and equal entries."""
    rng = np.random.default_rng(seed)
    shape = (2, 3, 3, 3)
    if operator.name in ("sym_eig", "eig"):
        return [torch.from_numpy(rng.normal(size=shape))]
    drawn = [np.round(rng.normal(size=shape), 1) for _ in range(operator.arity)]
    for array in drawn:
        array[rng.random(shape) < 0.2] = 0.0
    return [torch.from_numpy(array) for array in drawn]


def test_the_published_are_34() -> None:
    published = [operator for operator in OPERATORS.values() if operator.published]
    assert len(published) == 34
    assert {o.name for o in published if o.size_only} == {"numel", "ones_like", "zeros_like"}
    assert LITERAL.keys() == OPERATORS.keys()


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("seed", range(3))
def test_as_the_literal_one(name: str, seed: int) -> None:
    operator = OPERATORS[name]
    arguments = tensors(operator, seed)
    wanted = LITERAL[name](*(a.numpy() for a in arguments))
    np.testing.assert_allclose(operator.compute(*arguments).numpy(), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_arguments_stay_and_the_type_too(name: str, dtype: torch.dtype) -> None:
    """The authors' logarithms write into the statistics."""
    arguments = [a.to(dtype) for a in tensors(OPERATORS[name], 0)]
    before = [a.clone() for a in arguments]
    result = OPERATORS[name].compute(*arguments)
    assert result.dtype == dtype
    assert all(map(torch.equal, arguments, before))


@pytest.mark.parametrize("name", OPERATORS)
def test_shapes_follow_the_kinds(name: str) -> None:
    operator = OPERATORS[name]
    result = operator.compute(*tensors(operator, 0))
    kind = operator.kind(*["weight"] * operator.arity)  # type: ignore[list-item]
    axes = {"weight": 4, "weight matrices": 2, "number": 0}
    assert result.dim() == axes[kind]


@pytest.mark.parametrize("name", OPERATORS)
def test_nan_is_not_hidden(name: str) -> None:
    operator = OPERATORS[name]
    broken = torch.full((2, 3, 3, 3), NAN, dtype=torch.float64)
    result = operator.compute(*[broken] * operator.arity)
    compares = name in ("lt", "gt", "eq", "gt0", "lt0", "heaviside", "hamming", "sign")
    if compares:
        assert not result.any()
    elif not operator.size_only:
        assert result.isnan().all()


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("seed", range(5))
def test_what_the_flags_claim(name: str, seed: int) -> None:
    operator = OPERATORS[name]
    largest = torch.finfo(torch.float64).max
    extremes = [0.0, -0.0, largest, -largest, 1e-300, 1.0, -1.0, 3.0, -7.0]
    rng = np.random.default_rng(seed)
    arguments = [
        torch.from_numpy(rng.choice(extremes, (2, 3, 3, 3))) for _ in range(operator.arity)
    ]
    result = operator.compute(*arguments)
    assert not operator.nonnegative or not (result < 0).any()
    assert not operator.finite or result.isfinite().all()
    if operator.symmetric:
        turned = operator.compute(*reversed(arguments))
        assert torch.equal(result.nan_to_num(5.0), turned.nan_to_num(5.0))


@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [
        ("log", [[0.0, -2.0, 1.0]], [0, 0, 0]),
        ("abslog", [[0.0, -1.0, -np.e]], [0, 0, 1]),
        ("invert", [[0.0, -0.0, INF]], [INF, INF, 0]),
        ("exp", [[1e4, -1e4]], [INF, 0]),
        ("heaviside", [[0.0]], [0]),
        ("sign", [[0.0]], [0]),
        ("div", [[1.0, 0.0, NAN], [0.0, 0.0, 0.0]], [0, 0, NAN]),
        ("normalize", [[[0.1, 0.1, 0.1]]], [[0, 0, 0]]),
        ("normalize", [[[5.0]]], [[0]]),
        ("normalize", [[[INF, 1.0]]], [[NAN, NAN]]),
        ("logdet", [[[[1.0, 1.0], [1.0, 1.0]]]], [-INF]),
        ("logdet", [[[[0.0, 1.0], [1.0, 0.0]]]], [0]),
        ("logdet", [[[[-2.0]]]], [0]),
        ("sym_eig", [[[1.0, 1.0], [1.0, 1.0]]], INF),
        ("sym_eig", [[[0.0], [0.0]]], 0),
        ("sym_eig", [[[INF], [0.0]]], NAN),
        ("eig", [[[2.0, 0.0], [0.0, 1.0]]], 4),
        ("kldiv", [[[INF, 2.0]], [[0.0, -1.0]]], 0),
        ("cossim", [[[0.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, 1.0]]], 0.5**0.5),
        ("deviation", [[[3.0]]], 0),
    ],
)
def test_edges(name: str, arguments: list[Any], wanted: Any) -> None:
    given = [torch.tensor(a, dtype=torch.float64) for a in arguments]
    result = OPERATORS[name].compute(*given)
    np.testing.assert_allclose(result.numpy(), wanted, rtol=1e-12)


@pytest.mark.parametrize("name", ["det", "logdet", "matmul"])
def test_matrices_that_are_not_square_have_no_value(name: str) -> None:
    operator = OPERATORS[name]
    with pytest.raises(Unscorable, match=f"{name} takes square matrices, got 3 x 4"):
        operator.compute(*[torch.ones(2, 2, 3, 4)] * operator.arity)


@pytest.mark.parametrize(
    ("name", "kinds", "wanted"),
    [
        ("add", ("feature", "feature"), "feature"),
        ("add", ("number", "weight"), "weight"),
        ("add", ("number", "number"), "number"),
        ("logdet", ("weight",), "weight matrices"),
        ("logdet", ("feature",), "feature matrices"),
        ("softmax", ("weight matrices",), "weight matrices"),
        ("cossim", ("weight", "weight"), "number"),
        ("add", ("feature", "weight"), "add takes one kind, got feature and weight"),
        ("kldiv", ("weight", "feature"), "kldiv takes one kind"),
        ("kldiv", ("weight", "number"), "kldiv takes tensors, got weight and number"),
        ("fro", ("number",), "fro takes tensors, got number"),
        ("det", ("weight matrices",), "det takes a feature or weight"),
        ("abs", ("weight", "weight"), "abs takes 1 arguments, got 2"),
    ],
)
def test_kinds(name: str, kinds: tuple[Any, ...], wanted: str) -> None:
    if wanted.startswith(name):
        with pytest.raises(InvalidArgument, match=wanted):
            OPERATORS[name].kind(*kinds)
    else:
        assert OPERATORS[name].kind(*kinds) == wanted


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1, 3, 5, 7, 32])
def test_log_determinants_of_signs(size: int, dtype: torch.dtype) -> None:
    """Singular ones are told from regular ones, which rounding hides from torch's own."""
    signs = np.random.default_rng(size).choice(
        [-1.0, 0.0, 1.0], (40, 5, size, size), p=[0.4, 0.2, 0.4]
    )
    signs[:20, :, :, 0] = signs[:20, :, :, -1]  # singular where there are two columns
    found = OPERATORS["logdet"].compute(torch.from_numpy(signs).to(dtype)).numpy()
    sign, logarithms = np.linalg.slogdet(signs)
    exact = np.array([[np.linalg.matrix_rank(m) == size for m in row] for row in signs])
    wanted = np.where(exact, np.where(sign < 0, 0.0, logarithms), -np.inf)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    assert exact.any()
    assert not exact.all()
