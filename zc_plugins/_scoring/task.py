"""What a worker does with one candidate that was sent to it."""

from __future__ import annotations

import contextlib
import os
import pickle
import platform
import threading
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import torch

from zc_plugins._scoring.candidate import Candidate
from zc_plugins._scoring.method import Method
from zc_plugins._threads import one_torch_thread
from zc_plugins.proxies._proxy import ScoreRow

Scored = tuple[ScoreRow, float]

DEVICE: ContextVar[str | None] = ContextVar("DEVICE", default=None)
"""In a worker of ours: its device, in place of the scorer's."""


class _Settled(threading.local):
    """In a worker: the digest of the last method and space, and both.

    Each thread has its own, and no context variable, since Dask gives each task a new context.
    """

    last: tuple[str, Any] = ("", None)


_SETTLED = _Settled()


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
    try:
        if _SETTLED.last[0] != digest:
            if shared is None:
                return Unread()
            _SETTLED.last = digest, pickle.loads(shared)
        key, item = pickle.loads(parcel)
    except Exception as error:
        return Unread(f"{type(error).__name__}: {error}")
    _, (method, space) = _SETTLED.last
    device = DEVICE.get()
    placed: Method = method if device is None else replace(method, device=torch.device(device))
    with contextlib.nullcontext() if sender == here() else one_torch_thread():
        return placed.row(Candidate(key, item, space))
