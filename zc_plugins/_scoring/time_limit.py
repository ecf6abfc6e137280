"""Seconds after which a candidate is given up."""

from __future__ import annotations

import math
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from zc_plugins._pristine import put_back
from zc_plugins.errors import InvalidArgument, TookTooLong

_SOON_SECONDS = 0.01
_GRACE_SECONDS = 10.0  # for what ``finally`` and ``with`` put back


class _Alarm(BaseException):
    """No ``Exception``: neither a builder nor a probe may take it for an error of its own."""


def checked_limit(seconds: float | None) -> float | None:
    """The limit, or None for none.

    Raises:
        InvalidArgument: if it is no positive number.
    """
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        raise InvalidArgument(f"time_limit={seconds!r}: pass positive seconds, or None")
    return seconds


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """End what runs inside when the seconds of wall time are over.

    It works in the main thread of a process, that of a worker included, where the system knows
    ``SIGALRM``; elsewhere a warning tells that there is no limit. Python code and sleeps end at
    once, a call into native code when it returns. An alarm of the user's goes on afterwards.

    Raises:
        TookTooLong: then.
    """
    if seconds is None:
        yield
        return
    if not hasattr(signal, "setitimer") or threading.current_thread() is not (
        threading.main_thread()
    ):
        warnings.warn(
            "time_limit does not hold outside of the main thread, or on this system: score with "
            "workers, or in the main thread",
            RuntimeWarning,
            stacklevel=2,
        )
        yield
        return
    start, armed = time.monotonic(), True
    raised = -math.inf

    def ring(number: int, frame: FrameType | None) -> None:
        nonlocal raised
        now = time.monotonic()
        # Again and again, since Python drops an error that is raised while an object is deleted;
        # but not into the clean-up that an alarm on its way out is passing, unless that hangs, too.
        if not armed or (_on_its_way_out() and now < raised + _GRACE_SECONDS):
            return
        if _is_put_back(frame):
            signal.setitimer(signal.ITIMER_REAL, _SOON_SECONDS, seconds)
            return
        raised = now
        raise _Alarm

    handler = signal.signal(signal.SIGALRM, ring)
    theirs = signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        try:
            yield
        finally:
            # An alarm from now on would leave this function.
            armed = False
    except _Alarm:
        raise TookTooLong(f"building and scoring took more than {seconds:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if theirs[0]:
            left = max(theirs[0] - (time.monotonic() - start), 1e-3)
            signal.setitimer(signal.ITIMER_REAL, left, theirs[1])


def _is_put_back(frame: FrameType | None) -> bool:
    """Whether a network is just given back its weights: half of them would be the user's loss."""
    while frame is not None:
        if frame.f_code.co_name == put_back.__name__ and (
            frame.f_globals.get("__name__") == put_back.__module__
        ):
            return True
        frame = frame.f_back
    return False


def _on_its_way_out() -> bool:
    """Whether an alarm is handled where this is called, be it below other errors."""
    error = sys.exc_info()[1]
    while error is not None and not isinstance(error, _Alarm):
        error = error.__context__
    return error is not None
