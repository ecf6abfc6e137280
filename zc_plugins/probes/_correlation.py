"""Correlation coefficients without waiting for the device."""

from __future__ import annotations

import torch
from torch import Tensor


def correlation_coefficients(rows: Tensor) -> Tensor:
    """Between the rows of a matrix of shape (rows, entries): shape (rows, rows); NaN if constant.

    The same numbers as ``torch.corrcoef``, which reads a value to decide on a warning.
    """
    centred = rows - rows.mean(1, keepdim=True)
    covariance = centred @ centred.T / (rows.shape[1] - 1)
    deviation = covariance.diagonal().sqrt()
    return torch.clamp(covariance / deviation[:, None] / deviation[None, :], -1, 1)
