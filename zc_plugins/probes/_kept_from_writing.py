"""Tensors of a forward pass as they were before the network wrote over them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class KeptFromWriting(TorchFunctionMode):
    """Copies a tensor that it looks after just before a function writes over it."""

    def __init__(self) -> None:
        super().__init__()
        self._copies: dict[int, Tensor | None] = {}

    def watch(self, output: Tensor) -> None:
        """Look after a tensor, which the caller keeps alive."""
        self._copies[id(output)] = None

    def copy_of(self, output: Tensor) -> Tensor:
        """The tensor, or what it was before it was overwritten."""
        copy = self._copies[id(output)]
        return output if copy is None else copy

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        target = args[0] if args else kwargs.get("input")
        known = id(target) in self._copies and self._copies[id(target)] is None
        if known and isinstance(target, Tensor) and _writes(func, args, kwargs):
            with torch.no_grad():
                self._copies[id(target)] = target.clone()
        return func(*args, **kwargs)


def _writes(func: Any, args: Any, kwargs: Any) -> bool:
    """Whether the function may write into its first argument, by torch's conventions."""
    name = getattr(func, "__name__", "")
    named = name.startswith(("__i", "__set")) or (name.endswith("_") and not name.endswith("__"))
    return named or bool(kwargs.get("inplace")) or any(flag is True for flag in args[1:])
