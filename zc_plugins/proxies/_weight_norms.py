"""Numbers that several proxies take from a weight and its gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from zc_plugins.probes.task import WeightEvidence


def saliency(evidence: WeightEvidence) -> Tensor | None:
    """Sum of |weight x gradient| over a weight matrix; other parameters are skipped."""
    if not evidence.is_matrix:
        return None
    return (evidence.weight * evidence.gradient).abs().sum()


def gradient_norm(evidence: WeightEvidence) -> Tensor | None:
    """L2 norm of a weight matrix's gradient; other parameters are skipped."""
    return torch.linalg.vector_norm(evidence.gradient) if evidence.is_matrix else None
