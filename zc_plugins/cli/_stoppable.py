"""Work that the first Ctrl-C ends in good order, and the second at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stoppable(after: str = "network") -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; the second raises KeyboardInterrupt.

    Args:
        after: what is still brought to its end, for the message.
    """
    stop = threading.Event()

    def handle(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        # Not print, which the signal may have interrupted.
        os.write(2, f"\nstopping after this {after}; Ctrl-C again stops at once\n".encode())

    before = signal.getsignal(signal.SIGINT)
    # Under nohup it is ignored and stays so; only the main thread may set a handler.
    ours = before is signal.default_int_handler and (
        threading.current_thread() is threading.main_thread()
    )
    if ours:
        signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        if ours:
            signal.signal(signal.SIGINT, before)
