"""Condition number of the neural tangent kernel."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import Degenerate, Unscorable
from zc_plugins.probes.logit_gradients import KernelEvidence
from zc_plugins.proxies._proxy import Proxy
from zc_plugins.proxies._whole_network import only


def tangent_kernel(evidence: KernelEvidence) -> Tensor:
    """Of shape (samples, samples)."""
    return evidence.kernel


def condition(kernel: Float[ndarray, "samples samples"]) -> float:
    """Largest over smallest eigenvalue.

    Raises:
        Degenerate: if the kernel is zero or not finite.
        Unscorable: if it is singular up to rounding.
    """
    if not np.isfinite(kernel).all() or not kernel.any():
        raise Degenerate("the kernel is zero or not finite")
    eigenvalues = np.linalg.eigvalsh(kernel)
    if eigenvalues[0] <= len(kernel) * np.finfo(np.float32).eps * eigenvalues[-1]:
        raise Unscorable("the kernel is singular: the samples' gradients are linearly dependent")
    return float(eigenvalues[-1] / eigenvalues[0])


ntk_condition = Proxy(
    name="ntk_condition",
    reads="logit_gradients",
    measure=tangent_kernel,
    layer_score=condition,
    reduce=only,
    paper="Largest over smallest eigenvalue of the neural tangent kernel of 16 samples. "
    "Chen et al., TE-NAS, ICLR 2021, arXiv:2102.11535, section 3.1.1.",
    higher_is_better=False,
)
