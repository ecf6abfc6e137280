"""How many threads may work on one network."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from threadpoolctl import ThreadpoolController

_TURN = threading.Lock()


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Workers beside each other would fight for the cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """The linear algebra of numpy's and scipy's wheels on one thread.

    A network's matrices are small, and so are a search's: on two cores, two threads took 2.2 times
    as long for AZ-NAS on NAS-Bench-201 as one, since they wait for work in a loop, beside torch's
    threads. A library that torch shares, as in conda, is left alone.

    The number is one of the whole process, and of threads that overlap, the last would restore
    what the first had set. So while one is inside, the others leave it as it is; what they do after
    the first has left is done on all threads again.
    """
    if not _TURN.acquire(blocking=False):
        yield
        return
    try:
        with _libraries().limit(limits=1):
            yield
    finally:
        _TURN.release()


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController().select(prefix="libscipy_openblas")
