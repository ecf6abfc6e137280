"""A network that is as it was before, whatever was done to it in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from zc_plugins._seeding import seeded


def device_of(model: nn.Module) -> torch.device:
    """Where the first parameter or buffer lies; the CPU if there is none."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return torch.device("cpu")


@contextmanager
def pristine(model: nn.Module, seed: int) -> Iterator[None]:
    """Undo every change to the network and to the global random state on the way out.

    Weights are protected by pointer, not by copy: inside, give a parameter new values by assigning
    ``parameter.data``; never write into the tensor that is there. Batch normalisation writes into
    its buffers, so copies stand in for them. Restored: weights, buffers, gradients,
    ``requires_grad``, the plain attributes of each module (its train or eval mode; a mask that its
    forward keeps), and the global generators.

    Args:
        model: the user's network.
        seed: of the global generators inside, which dropout and the like draw from.
    """
    parameters = [(p, p.data, p.grad, p.requires_grad) for p in model.parameters()]
    modules = list(model.modules())
    tables = [
        (table, dict(table))
        for module in modules
        for table in (module._parameters, module._buffers, vars(module))
    ]
    try:
        for module in modules:
            for name, buffer in module._buffers.items():
                module._buffers[name] = None if buffer is None else buffer.clone()
        with seeded(seed, device_of(model)):
            yield
    finally:
        for parameter, values, grad, requires_grad in parameters:
            parameter.data, parameter.grad = values, grad
            parameter.requires_grad_(requires_grad)
        for table, entries in tables:
            table.clear()
            table.update(entries)


def initialise(model: nn.Module, generator: torch.Generator, *, channels_last: bool) -> None:
    """Draw Kaiming-normal (fan-in, gain sqrt 2) weights; biases 0; normalisation weight 1, bias 0.

    Only convolution, linear and normalisation layers change, in the order of ``model.modules()``:
    a bare parameter (a class token, a recurrent weight) keeps what the builder gave it. Call it
    inside ``pristine``.

    Args:
        model: the network.
        generator: on the network's device.
        channels_last: lay four-dimensional weights out with channels last.

    References:
        He et al. 2015, arXiv:1502.01852; the initialisation of AZ-NAS's public code.
    """
    for module in model.modules():
        own = dict(module.named_parameters(recurse=False))
        if isinstance(module, _WEIGHTED) and "weight" in own:
            weight = own["weight"]
            fan_in = weight[0].numel() if weight.numel() else 1
            layout = (
                torch.channels_last
                if channels_last and weight.dim() == 4
                else torch.preserve_format
            )
            drawn = torch.empty_like(weight.data, memory_format=layout)
            # Half precision draws in float32: a generator's stream differs between types.
            values = torch.empty(weight.shape, dtype=_draw_type(weight), device=weight.device)
            values.normal_(0.0, (2 / fan_in) ** 0.5, generator=generator)
            weight.data = drawn.copy_(values)
        elif isinstance(module, _NORMALISED) and "weight" in own:
            own["weight"].data = torch.ones_like(own["weight"].data)
        if isinstance(module, (*_WEIGHTED, *_NORMALISED)) and "bias" in own:
            own["bias"].data = torch.zeros_like(own["bias"].data)


def _draw_type(tensor: Tensor) -> torch.dtype:
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


_WEIGHTED = (nn.modules.conv._ConvNd, nn.Linear)
_NORMALISED = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)
