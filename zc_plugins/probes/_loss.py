"""The scalar that is differentiated when the user gives no loss and no targets."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from zc_plugins.errors import Unscorable
from zc_plugins.probes._blocks import tensors_in
from zc_plugins.probes._probe import Excitation


def logits_in(output: Any, batch_size: int) -> Tensor:
    """The first floating tensor of shape (batch, ...) in the network's output.

    Raises:
        Unscorable: if there is none.
    """
    for tensor in tensors_in(output):
        if tensor.is_floating_point() and tensor.dim() > 0 and len(tensor) == batch_size:
            return tensor
    raise Unscorable(
        f"the output holds no floating tensor of {batch_size} rows: give Excitation(forward=...) "
        "that returns one"
    )


def random_targets(logits: Tensor, rng: torch.Generator) -> Tensor:
    """Uniform classes for logits of shape (batch, classes, ...); 0 or 1 for a single logit."""
    classes = logits.shape[1] if logits.dim() > 1 else 1
    if classes == 1:
        shape: tuple[int, ...] = tuple(logits.shape)
    else:
        shape = (logits.shape[0], *logits.shape[2:])
    return torch.randint(0, max(classes, 2), shape, generator=rng, device=logits.device)


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross entropy of shape (); the binary one of a single logit."""
    exact = logits if logits.dtype == torch.float64 else logits.float()
    if logits.dim() < 2 or logits.shape[1] == 1:
        wanted = targets.to(exact).reshape(exact.shape)
        return F.binary_cross_entropy_with_logits(exact, wanted)
    return F.cross_entropy(exact, targets)


def loss_of(excitation: Excitation, output: Any, batch_size: int, targets: Tensor) -> Tensor:
    """The user's loss, or the cross entropy of the first tensor of the output."""
    if excitation.loss is not None:
        return excitation.loss(output, targets)
    return _cross_entropy(logits_in(output, batch_size), targets)
