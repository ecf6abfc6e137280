"""Random numbers without touching the user's global generators."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_GENERATORS = threading.RLock()
"""The generators are the process's: of our threads, one at a time may put others in their place."""


def accelerator() -> torch.device | None:
    """The machine's accelerator, if there is one that works."""
    return torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None


def generator(seed: int, device: torch.device) -> torch.Generator:
    """A torch generator on ``device`` that starts at ``seed``."""
    return torch.Generator(device=device).manual_seed(seed)


@contextmanager
def torch_state_kept() -> Iterator[None]:
    """Leave torch's global generators as they were; they are not seeded."""
    device = accelerator()
    devices = [] if device is None else [torch.accelerator.current_device_index()]
    kind = "cuda" if device is None else device.type
    with _GENERATORS, torch.random.fork_rng(devices=devices, device_type=kind):
        yield


@contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Seed the global generators of random, numpy and torch inside; leave them as they were.

    Args:
        seed: the seed inside the block.
        device: an accelerator whose generator is kept too; the CPU's always is.
    """
    accelerated = device is not None and device.type not in ("cpu", "meta")
    devices = [device] if accelerated else []
    device_type = device.type if device is not None and accelerated else "cuda"
    with _GENERATORS, torch.random.fork_rng(devices=devices, device_type=device_type):
        python_state, numpy_state = random.getstate(), np.random.get_state()
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.default_generator.manual_seed(seed)
        if device is not None and accelerated:
            # torch.manual_seed would reseed the other devices of the machine too.
            fresh = generator(seed, device).get_state()
            torch.get_device_module(device).set_rng_state(fresh, device)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)
