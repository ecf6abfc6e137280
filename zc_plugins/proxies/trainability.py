"""Trainability: how near each block's Jacobian comes to keeping gradients' size."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigvalsh
from torch import Tensor, stack

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import Degenerate, Unscorable
from zc_plugins.probes.block_vjp import BlockEvidence
from zc_plugins.proxies._proxy import Proxy


def gradient_correlation(evidence: BlockEvidence) -> Tensor | None:
    """Pullback against cotangent, averaged over positions: (channels_in, channels_out).

    The Hutchinson estimate of the block's Jacobian. With fewer positions than channels, the two
    Gram matrices over positions instead, of shape (2, positions, positions), from which the same
    singular values follow.
    """
    pair = evidence.pullback
    if pair is None:
        return None
    pulled, cotangent = pair
    positions = len(cotangent)
    if positions < min(pulled.shape[1], cotangent.shape[1]):
        return stack([pulled @ pulled.T, cotangent @ cotangent.T]) / positions
    return pulled.T @ cotangent / positions


def gradient_balance(correlation: Float[ndarray, "..."]) -> float:
    """-s - 1/(s + 1e-6) + 2 of the largest singular value s: at most 0, reached near s = 1.

    The paper's equation 11 has no 1e-6.

    Raises:
        Degenerate: if no gradient passes, or if a gradient is not finite.
        Unscorable: if the block is the identity. The public code gives minus infinity; but a branch
            whose scale starts at zero may be what the user wants, so it is not called degenerate.
    """
    if not np.isfinite(correlation).all():
        raise Degenerate("gradients are not finite")
    if not _passes(correlation):
        raise Degenerate("no gradient passes the block (dead or disconnected)")
    if _is_identity(correlation):
        raise Unscorable("the block is the identity")
    sigma = _largest_singular_value(correlation)
    return -sigma - 1 / (sigma + 1e-6) + 2


def mean_balance(balances: Float[ndarray, " layers"]) -> float:
    """Mean over blocks.

    Raises:
        Unscorable: with no block between two boundaries.
    """
    if len(balances) < 1:
        raise Unscorable("needs two block boundaries or more")
    return float(balances.mean())


def _passes(correlation: ndarray) -> bool:
    return bool(correlation[0].any() if correlation.ndim == 3 else correlation.any())


def _is_identity(correlation: ndarray) -> bool:
    """Whether the pullback is the cotangent itself: sums of products of signs are exact.

    Then the matrix is symmetric and its diagonal is exactly 1, which no other block gives by
    chance; so no comparison of the full tensors is needed.
    """
    if correlation.ndim == 3:
        return bool(np.array_equal(correlation[0], correlation[1]))
    square = correlation.shape[0] == correlation.shape[1]
    return bool(
        square and (np.diag(correlation) == 1).all() and np.array_equal(correlation, correlation.T)
    )


def _largest_singular_value(correlation: ndarray) -> float:
    if correlation.ndim == 3:
        # Singular values of A^T B, squared, are the eigenvalues of (A A^T)(B B^T).
        return float(np.sqrt(np.linalg.eigvals(correlation[0] @ correlation[1]).real.max()))
    tall = correlation if correlation.shape[0] >= correlation.shape[1] else correlation.T
    last = tall.shape[1] - 1
    return float(np.sqrt(eigvalsh(tall.T @ tall, subset_by_index=[last, last])[0]))


trainability = Proxy(
    name="trainability",
    reads="block_vjp",
    measure=gradient_correlation,
    layer_score=gradient_balance,
    reduce=mean_balance,
    paper="Mean over blocks of -s - 1/s + 2, s the Jacobian's spectral norm estimated from random "
    "signs. AZ-NAS, CVPR 2024, arXiv:2403.19232, eq. 6-12.",
)
