"""The operators of expressions: what they take, what they give, and what they do at the edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

import zc_plugins.discovery._functions as f
from zc_plugins.errors import InvalidArgument

Kind = Literal["feature", "weight", "feature matrices", "weight matrices", "number"]
"""What a value is.

``feature``: (batch, channels, height, width). ``weight``: (out, in, height, width). ``matrices``:
one number for each trailing matrix of these, so of two axes. ``number``: of one layer; in a bank,
one for each layer of each network.
"""

Family = Literal["elementwise", "tensor", "product", "matrices", "reduction"]
"""How kinds go through an operator.

``elementwise``: one kind in, the same out; beside any kind a number may stand. ``tensor``: the
same, but of no number. ``product``: of two whole features or weights. ``matrices``: a feature or
weight in, a number for each of its matrices out. ``reduction``: no number in, a number out.
"""


@dataclass(frozen=True)
class Operator:
    """A function of one or two values; it never writes into them.

    Attributes:
        name: in texts.
        arity: 1 or 2.
        family: how kinds go through it.
        compute: on tensors of float32 or float64.
        latex: with ``#1`` and ``#2`` for the arguments.
        edges: what it gives where the textbook function is undefined; empty where it never is.
            NaN in gives NaN out, but comparisons and the sign of NaN are 0.
        published: it is one of EZNAS's 34.
        size_only: it sees the shape of its argument and none of its data.
        nonnegative: it gives nothing below 0.
        finite: from finite values it makes finite ones.
        symmetric: the order of its arguments does not matter.
    """

    name: str
    arity: int
    family: Family
    compute: Callable[..., Tensor]
    latex: str
    edges: str = ""
    published: bool = True
    size_only: bool = False
    nonnegative: bool = False
    finite: bool = False
    symmetric: bool = False

    def kind(self, *arguments: Kind) -> Kind:
        """What it gives for arguments of these kinds.

        Raises:
            InvalidArgument: if it does not take them.
        """
        if len(arguments) != self.arity:
            raise InvalidArgument(f"{self.name} takes {self.arity} arguments, got {len(arguments)}")
        tensors = {kind for kind in arguments if kind != "number"}
        if len(tensors) > 1:
            raise InvalidArgument(f"{self.name} takes one kind, got {_listed(arguments)}")
        if self.family == "elementwise":
            return next(iter(tensors), "number")
        if "number" in arguments:
            raise InvalidArgument(f"{self.name} takes tensors, got {_listed(arguments)}")
        kind = arguments[0]
        if self.family in ("product", "matrices") and kind not in ("feature", "weight"):
            raise InvalidArgument(
                f"{self.name} takes a feature or weight, got {_listed(arguments)}"
            )
        if self.family == "matrices":
            return "feature matrices" if kind == "feature" else "weight matrices"
        return "number" if self.family == "reduction" else kind


def _listed(kinds: tuple[Kind, ...]) -> str:
    return " and ".join(kinds)


def _function(name: str) -> str:
    return rf"\operatorname{{{name}}}\left(#1\right)"


def _pair(name: str) -> str:
    return rf"\operatorname{{{name}}}\left(#1, #2\right)"


def _indicator(relation: str) -> str:
    return rf"\left[#1 {relation}\right]"


_ALL = (
    Operator("add", 2, "elementwise", torch.add, r"\left(#1 + #2\right)", symmetric=True),
    Operator("sub", 2, "elementwise", torch.sub, r"\left(#1 - #2\right)"),
    Operator("mul", 2, "elementwise", torch.mul, r"\left(#1 \odot #2\right)", symmetric=True),
    Operator("matmul", 2, "product", f.matrix_product, r"\left(#1 \, #2\right)",
             "no score where the matrices are not square"),
    Operator("lt", 2, "elementwise", lambda a, b: (a < b).to(a.dtype), _indicator("< #2"),
             nonnegative=True, finite=True),
    Operator("gt", 2, "elementwise", lambda a, b: (a > b).to(a.dtype), _indicator("> #2"),
             nonnegative=True, finite=True),
    Operator("eq", 2, "elementwise", lambda a, b: (a == b).to(a.dtype), _indicator("= #2"),
             nonnegative=True, finite=True, symmetric=True),
    Operator("log", 1, "elementwise", f.logarithm, r"\log\left(#1\right)",
             "0 for what is not positive", finite=True),
    Operator("abslog", 1, "elementwise", f.absolute_logarithm,
             r"\left|\log \left|#1\right|\right|", "0 at 0; of |a| below 0, where the published "
             "operator has no value", nonnegative=True, finite=True),
    Operator("abs", 1, "elementwise", torch.abs, r"\left|#1\right|", nonnegative=True, finite=True),
    Operator("square", 1, "elementwise", torch.square, r"\left(#1\right)^{\odot 2}",
             nonnegative=True),
    Operator("exp", 1, "elementwise", torch.exp, r"e^{#1}", "inf beyond the largest number",
             nonnegative=True),
    Operator("normalize", 1, "tensor", f.normalised, r"z\left(#1\right)",
             "0 where all entries are equal up to rounding"),
    Operator("relu", 1, "elementwise", torch.relu, _function("relu"), nonnegative=True,
             finite=True),
    Operator("sign", 1, "elementwise", torch.sign, _function("sign"), "0 at 0", finite=True),
    Operator("heaviside", 1, "elementwise", lambda a: (a > 0).to(a.dtype), _function("H"),
             "0 at 0", nonnegative=True, finite=True),
    Operator("invert", 1, "elementwise", f.inverse, r"\frac{1}{#1}",
             "inf at 0, also at -0"),
    Operator("softmax", 1, "tensor", f.softmax, _function("softmax"), nonnegative=True,
             finite=True),
    Operator("sigmoid", 1, "elementwise", torch.sigmoid, r"\sigma\left(#1\right)",
             nonnegative=True, finite=True),
    Operator("ones_like", 1, "elementwise", torch.ones_like, r"\mathbf{1}_{#1}", size_only=True,
             nonnegative=True, finite=True),
    Operator("zeros_like", 1, "elementwise", torch.zeros_like, r"\mathbf{0}_{#1}", size_only=True,
             nonnegative=True, finite=True),
    Operator("gt0", 1, "elementwise", lambda a: (a > 0).to(a.dtype), _indicator("> 0"), "0 at 0",
             nonnegative=True, finite=True),
    Operator("lt0", 1, "elementwise", lambda a: (a < 0).to(a.dtype), _indicator("< 0"), "0 at 0",
             nonnegative=True, finite=True),
    Operator("fro", 1, "reduction", torch.linalg.vector_norm, r"\left\lVert #1 \right\rVert_F",
             nonnegative=True),
    Operator("det", 1, "matrices", f.determinant, r"\det\left(#1\right)",
             "no score where the matrices are not square"),
    Operator("logdet", 1, "matrices", f.log_determinant, r"\log\det\left(#1\right)",
             "0 where the determinant is negative, -inf where it is 0 up to rounding; no score "
             "where the matrices are not square"),
    Operator("sym_eig", 1, "reduction", f.eigenvalue_ratio, _function("cond"),
             "inf where singular, 0 where zero", nonnegative=True),
    # The authors' second way to the same ratio; both raise in today's torch.
    Operator("eig", 1, "reduction", f.eigenvalue_ratio, _function("cond"),
             "inf where singular, 0 where zero", nonnegative=True),
    Operator("mean", 1, "reduction", torch.mean, r"\overline{#1}"),
    Operator("l1", 1, "reduction", lambda a: a.abs().mean(), r"\overline{\left|#1\right|}",
             nonnegative=True),
    Operator("numel", 1, "reduction", f.count, r"\#\left(#1\right)", size_only=True,
             nonnegative=True, finite=True),
    Operator("hamming", 2, "reduction", f.hamming_distance, _pair("hamming"), nonnegative=True,
             finite=True, symmetric=True),
    Operator("kldiv", 2, "reduction", f.divergence, r"D_{KL}\left(#2 \,\|\, #1\right)",
             "entries of the second at or below 0 add nothing"),
    Operator("cossim", 2, "reduction", f.cosine_similarity, _pair("cos"),
             "0 for a row that is zero", symmetric=True),
    Operator("div", 2, "elementwise", f.quotient, r"\frac{#1}{#2}", "0 where the second is 0",
             published=False),
    Operator("minimum", 2, "elementwise", torch.minimum, _pair("min"), published=False,
             finite=True, symmetric=True),
    Operator("maximum", 2, "elementwise", torch.maximum, _pair("max"), published=False,
             finite=True, symmetric=True),
    Operator("root", 1, "elementwise", lambda a: a.abs().sqrt(), r"\sqrt{\left|#1\right|}",
             "of |a| below 0", published=False, nonnegative=True, finite=True),
    Operator("signed_log", 1, "elementwise", f.signed_logarithm,
             r"\operatorname{sign}\left(#1\right) \log\left(1 + \left|#1\right|\right)",
             published=False, finite=True),
    Operator("sum", 1, "reduction", torch.sum, r"\Sigma\left(#1\right)", published=False),
    Operator("deviation", 1, "reduction", f.deviation, r"\operatorname{std}\left(#1\right)",
             "0 for a single entry", published=False, nonnegative=True),
)  # fmt: skip

OPERATORS: dict[str, Operator] = {operator.name: operator for operator in _ALL}
"""By name. ``numel``, ``ones_like`` and ``zeros_like`` are the size-only ones.

References:
    Akhauri, Munoz, Jain and Iyer, EZNAS, NeurIPS 2022, arXiv:2209.07413; of its 34 operators the
    authors' code registers all but the difference, and two (the eigenvalue ratios) raise in today's
    torch.
"""
