"""What the less common operators compute, with a defined result wherever one is possible."""

from __future__ import annotations

import torch
from torch import Tensor

from zc_plugins.errors import Unscorable


def logarithm(a: Tensor) -> Tensor:
    """Of the positive entries; 0 for the others. Never in place: statistics are shared."""
    return torch.where(a <= 0, 1.0, a).log()


def absolute_logarithm(a: Tensor) -> Tensor:
    """Absolute value of log |a|; 0 where a is 0."""
    return torch.where(a == 0, 1.0, a.abs()).log().abs()


def signed_logarithm(a: Tensor) -> Tensor:
    """sign(a) log(1 + |a|)."""
    return a.sign() * a.abs().log1p()


def inverse(a: Tensor) -> Tensor:
    """1 / a; inf at 0, whatever the zero's sign: no operator shall tell 0 from -0."""
    return torch.where(a == 0, torch.inf, a.reciprocal())


def quotient(a: Tensor, b: Tensor) -> Tensor:
    """a / b; 0 where b is 0 and a is not NaN."""
    return torch.where((b == 0) & ~a.isnan(), 0.0, a / b)


def normalised(a: Tensor) -> Tensor:
    """The entries less their mean, over their unbiased deviation; 0 where all are equal.

    Equal means up to rounding: else a constant would become noise of size 1.
    """
    centred = a - a.mean()
    deviation = (centred.square().sum() / max(a.numel() - 1, 1)).sqrt()
    rounding = 8 * torch.finfo(a.dtype).eps * a.abs().amax()
    return torch.where(deviation <= rounding, 0.0, centred / deviation)


def softmax(a: Tensor) -> Tensor:
    """Over axis 1, which is torch's own choice for two and for four axes."""
    return a.softmax(1)


def matrix_product(a: Tensor, b: Tensor) -> Tensor:
    """Of the trailing square matrices.

    Raises:
        Unscorable: unless they are square.
    """
    _require_square("matmul", a)
    return a @ b


def determinant(a: Tensor) -> Tensor:
    """Of each trailing matrix.

    Raises:
        Unscorable: unless they are square.
    """
    _require_square("det", a)
    determinants: Tensor = torch.linalg.det(a)
    return determinants


def log_determinant(a: Tensor) -> Tensor:
    """Of each trailing matrix; 0 where the determinant is negative, -inf where it is 0.

    It is 0 where the smallest pivot is 0 up to rounding: signs of gradients make singular matrices
    by the dozen, and what torch's own finds for one, a tiny number of either sign, is chance.

    Raises:
        Unscorable: unless the matrices are square.
    """
    _require_square("logdet", a)
    n = a.shape[-1]
    factors, swaps, _ = torch.linalg.lu_factor_ex(a)
    pivots = factors.diagonal(dim1=-2, dim2=-1)
    swapped = swaps != torch.arange(1, n + 1, dtype=swaps.dtype, device=a.device)
    negative = ((pivots < 0).sum(-1) + swapped.sum(-1)) % 2 == 1
    sizes = pivots.abs()
    regular = sizes.amin(-1) > n * torch.finfo(a.dtype).eps * a.abs().amax((-2, -1))
    logarithms = torch.where(negative, 0.0, sizes.log().sum(-1))
    finite = a.isfinite().all(-1).all(-1)
    return torch.where(finite, torch.where(regular, logarithms, -torch.inf), torch.nan)


def eigenvalue_ratio(a: Tensor) -> Tensor:
    """Largest over smallest eigenvalue of A A^T, where A has a row for each entry of axis 0.

    inf where the matrix is singular up to rounding, 0 where it is zero, NaN where it is not finite.
    It waits for the device, as torch's decompositions do.
    """
    rows = a.reshape(len(a), -1)
    gram = rows @ rows.T
    finite = gram.isfinite().all()
    values = torch.linalg.eigvalsh(torch.where(finite, gram, 0.0))
    smallest, largest = values[0], values[-1]
    singular = smallest <= len(values) * torch.finfo(a.dtype).eps * largest
    ratio = torch.where(singular, torch.inf, largest / smallest)
    return torch.where(finite, torch.where(largest <= 0, 0.0, ratio), torch.nan)


def hamming_distance(a: Tensor, b: Tensor) -> Tensor:
    """Number of entries of which one is positive and the other is not."""
    return ((a > 0) != (b > 0)).sum().to(a.dtype)


def divergence(a: Tensor, b: Tensor) -> Tensor:
    """Kullback-Leibler divergence of log-probabilities a from b, over the length of axis 0.

    Sum of b (log b - a); entries of b at or below 0 add nothing.
    """
    terms = torch.where((b <= 0) & ~a.isnan(), 0.0, torch.xlogy(b, b) - b * a)
    return terms.sum() / len(a)


def cosine_similarity(a: Tensor, b: Tensor) -> Tensor:
    """Cosine between the entries of axis 0, summed; 0 for an entry that is zero."""
    first, second = a.reshape(len(a), -1), b.reshape(len(b), -1)
    products = (first * second).sum(1)
    lengths = torch.linalg.vector_norm(first, dim=1) * torch.linalg.vector_norm(second, dim=1)
    return torch.where(lengths == 0, 0.0, products / lengths).sum()


def deviation(a: Tensor) -> Tensor:
    """Root of the mean squared difference from the mean."""
    return (a - a.mean()).square().mean().sqrt()


def count(a: Tensor) -> Tensor:
    """Number of entries."""
    return torch.full((), a.numel(), dtype=a.dtype, device=a.device)


def _require_square(operator: str, a: Tensor) -> None:
    height, width = a.shape[-2:]
    if height != width:
        raise Unscorable(f"{operator} takes square matrices, got {height} x {width}")
