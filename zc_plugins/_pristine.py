"""A network that is as it was before, whatever was done to it in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from zc_plugins._seeding import seeded
from zc_plugins.errors import Unscorable

_Tables = list[tuple[dict[str, Any], dict[str, Any]]]
_Parameters = list[tuple[nn.Parameter, Tensor, Tensor | None, bool]]


def device_of(model: nn.Module) -> torch.device:
    """Where the first parameter or buffer lies; the CPU if there is none."""
    first = next(chain(model.parameters(), model.buffers()), None)
    return torch.device("cpu") if first is None else first.device


@contextmanager
def pristine(model: nn.Module, seed: int, *, weights: bool = True) -> Iterator[None]:
    """Undo every change to the network and to the global random state on the way out.

    Copies stand in for the weights and buffers, so that what is written into them does not reach
    the user's. Restored: weights, buffers, gradients, ``requires_grad``, the plain attributes of
    each module (its train or eval mode; a mask that its forward keeps), and the global generators.

    Args:
        model: the user's network.
        seed: of the global generators inside, which dropout and the like draw from.
        weights: copy them too; without, nothing inside may write into a weight.

    Raises:
        Unscorable: if the network is of a kind that cannot be restored, with the remedy.
    """
    _require_restorable(model)
    # The lock first: another thread's stand-ins must not be taken for the user's weights.
    with torch.inference_mode(False), seeded(seed, device_of(model)):
        parameters: _Parameters = [(p, p.data, p.grad, p.requires_grad) for p in model.parameters()]
        modules = list(model.modules())
        tables: _Tables = [
            (table, dict(table))
            for module in modules
            for table in (module._parameters, module._buffers, vars(module))
        ]
        try:
            for module in modules:
                for name, buffer in module._buffers.items():
                    module._buffers[name] = None if buffer is None else buffer.clone()
            if weights:
                copy_weights(model)
            yield
        finally:
            put_back(tables, parameters)


def put_back(tables: _Tables, parameters: _Parameters) -> None:
    """What ``pristine`` restores; an alarm of ours waits for its end."""
    for table, entries in tables:
        table.clear()
        table.update(entries)
    for parameter, values, grad, requires_grad in parameters:
        parameter.data, parameter.grad = values, grad
        if parameter.requires_grad != requires_grad:
            parameter.requires_grad_(requires_grad)


def copy_weights(model: nn.Module) -> None:
    """Let copies stand in for the weights; call it inside ``pristine``, which takes them out."""
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()


def _require_restorable(model: nn.Module) -> None:
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        raise Unscorable("TorchScript hides its layers: pass the Python module")
    tensors = [*model.parameters(), *model.buffers()]
    if any(isinstance(tensor, (UninitializedParameter, UninitializedBuffer)) for tensor in tensors):
        raise Unscorable("the network has lazy layers: run it once on a batch first")
    if any(tensor.is_inference() for tensor in tensors):
        raise Unscorable("the network was built under torch.inference_mode: build it outside")
    devices = {str(tensor.device) for tensor in tensors}
    if len(devices) > 1:
        raise Unscorable(f"the network lies on several devices, {sorted(devices)}: move it to one")


def initialise(
    model: nn.Module,
    generator: torch.Generator,
    *,
    channels_last: bool,
    gain: float | None = 2**0.5,
) -> None:
    """Draw Kaiming-normal (fan-in) weights; biases 0; normalisation weight 1, bias 0.

    Only convolution, linear and normalisation layers change, in the order of ``model.modules()``:
    a bare parameter (a class token, a recurrent weight) and a weight that is computed from others
    (weight norm, spectral norm, pruning) keep what the builder gave them. Call it inside
    ``pristine``.

    Args:
        model: the network.
        generator: on the network's device.
        channels_last: lay four-dimensional weights out with channels last.
        gain: standard deviation times the root of the fan-in; None draws N(0, 1), as Zen-NAS does.

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
            values.normal_(0.0, 1.0 if gain is None else gain / fan_in**0.5, generator=generator)
            weight.data = drawn.copy_(values)
        elif isinstance(module, _NORMALISED) and "weight" in own:
            own["weight"].data = torch.ones_like(own["weight"].data)
        if isinstance(module, (*_WEIGHTED, *_NORMALISED)) and "bias" in own:
            own["bias"].data = torch.zeros_like(own["bias"].data)


def _draw_type(tensor: Tensor) -> torch.dtype:
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


_WEIGHTED = (nn.modules.conv._ConvNd, nn.Linear)
_NORMALISED = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)
