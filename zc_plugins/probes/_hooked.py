"""A forward hook that goes when its block is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def hooked(module: nn.Module, hook: Callable[..., Any]) -> Iterator[None]:
    """The module calls the hook after each of its forwards."""
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
