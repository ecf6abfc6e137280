"""What a worker does with one candidate that was sent to it."""

from __future__ import annotations

import contextlib
import os
import pickle
import platform
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import torch

from zc_plugins._scoring.candidate import Candidate
from zc_plugins._scoring.method import Method
from zc_plugins.proxies._proxy import ScoreRow

Scored = tuple[ScoreRow, float]

DEVICE: ContextVar[str | None] = ContextVar("DEVICE", default=None)
"""In a worker of ours: its device, in place of the scorer's."""

_SETTLED: ContextVar[tuple[str, Any]] = ContextVar("_SETTLED", default=("", None))
"""In a worker: digest of the last method and space, and both."""


@dataclass(frozen=True)
class Unread:
    """The answer of a worker that cannot read what it was sent.

    Attributes:
        reason: or empty if only method and space are missing, which were not sent along.
    """

    reason: str = ""


def here() -> str:
    """Names this process among all machines'."""
    return f"{platform.node()}:{os.getpid()}"


def work(
    digest: str, shared: bytes | None, parcel: bytes, sender: str, tries: int
) -> Scored | Unread:
    """Row and seconds of one candidate.

    Args:
        digest: of ``shared``.
        shared: packed method and space; None if the worker is thought to have them.
        parcel: packed key and item.
        sender: ``here()`` of the process that asks.
        tries: before this one; Dask would answer the very same question from memory.
    """
    kept, settled = _SETTLED.get()
    try:
        if kept != digest:
            if shared is None:
                return Unread()
            settled = pickle.loads(shared)
            _SETTLED.set((digest, settled))
        key, item = pickle.loads(parcel)
    except Exception as error:
        return Unread(f"{type(error).__name__}: {error}")
    method, space = settled
    device = DEVICE.get()
    placed: Method = method if device is None else replace(method, device=torch.device(device))
    with contextlib.nullcontext() if sender == here() else _one_thread():
        return placed.row(Candidate(key, item, space))


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Workers beside each other would fight for the cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
