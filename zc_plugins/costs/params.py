"""Parameter count."""

from __future__ import annotations

from torch import nn


def params(model: nn.Module) -> int:
    """Number of parameters; one that is shared by several layers counts once."""
    return sum(parameter.numel() for parameter in model.parameters())
