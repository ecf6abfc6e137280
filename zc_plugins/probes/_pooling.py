"""Average pooling, whose gradient some devices get wrong where channels lie last."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


def right_pooling(device: torch.device) -> AbstractContextManager[Any]:
    """Around a forward pass: its average pools read contiguous tensors where they must.

    In PyTorch 2.11, say, CUDA's kernel ignores the padding in the gradient of a pool whose input
    has channels last (pytorch/pytorch#188344): on NAS-Bench-201, tau of the gradient norm with the
    CPU's was .73, not .94. On Apple's GPU the gradient is wrong, or the process ends
    (pytorch/pytorch#189233). Not reached: pools of scripted and exported networks, and those that
    activation checkpointing computes again on the way back.
    """
    return _ContiguousPools() if _is_wrong(device) else nullcontext()


class _ContiguousPools(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _POOLS:
            if args:
                args = (args[0].contiguous(), *args[1:])
            else:
                kwargs = {**kwargs, "input": kwargs["input"].contiguous()}
        return func(*args, **kwargs)


_POOLS = (F.avg_pool2d, F.adaptive_avg_pool2d)


@cache
def _is_wrong(device: torch.device) -> bool:
    """Tried once for each device, but not on Apple's, where that might end the process."""
    if device.type in ("cpu", "meta", "mps"):
        return device.type == "mps"
    last, first = (
        _gradient(layout, device) for layout in (torch.channels_last, torch.contiguous_format)
    )
    return not torch.equal(last, first)


def _gradient(layout: torch.memory_format, device: torch.device) -> Tensor:
    with torch.inference_mode(False), torch.enable_grad():
        x = torch.zeros(1, 2, 4, 4, device=device).contiguous(memory_format=layout)
        x.requires_grad_()
        # Each pixel is a quarter of four windows: exact in any order.
        total = F.avg_pool2d(x, 2, 1, padding=1).sum()
        return torch.autograd.grad(total, x)[0].contiguous()
