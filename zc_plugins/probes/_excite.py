"""How a probe makes a network ready and calls it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from zc_plugins._pristine import initialise
from zc_plugins.probes._pooling import right_pooling
from zc_plugins.probes._probe import Excitation


def excite(
    model: nn.Module,
    excitation: Excitation,
    rng: torch.Generator,
    *,
    gradients: bool,
    in_place: bool = False,
    gain: float | None = 2**0.5,
) -> None:
    """Put the network in train mode with fresh weights; called inside ``pristine``.

    Unless ``in_place``, modules that write in place are made to write anew: what they overwrite is
    read by hooks.
    """
    model.train()
    for module in () if in_place else model.modules():
        if getattr(module, "inplace", None) is True:
            vars(module)["inplace"] = False
    for parameter in model.parameters():
        parameter.requires_grad_(gradients and parameter.is_floating_point())
    if excitation.initialisation == "kaiming_normal":
        initialise(model, rng, channels_last=excitation.channels_last, gain=gain)
    for module in model.modules():
        if isinstance(module, nn.RNNBase):
            # The copies lie apart, and cuDNN would gather them at each call, with a warning.
            module.flatten_parameters()


def called(model: nn.Module, x: Tensor, excitation: Excitation) -> Any:
    """The network's output, under autocast where the excitation asks for it."""
    with autocast(x.device, excitation.autocast), right_pooling(x.device):
        return model(x) if excitation.forward is None else excitation.forward(model, x)


def autocast(device: torch.device, dtype: torch.dtype | None) -> Any:
    """Autocast to ``dtype``, or none where it is None, whatever the user has set outside."""
    if device.type == "mps" and dtype is None:
        return nullcontext()
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)
