"""What is sent to a worker process, as bytes."""

from __future__ import annotations

import contextlib
import io
import pickle
from types import ModuleType
from typing import Any

from zc_plugins._optional import require
from zc_plugins.errors import MissingExtra

LARGEST = 2**26
"""Bytes of a space or builder that are still sent."""


class _Limited(io.BytesIO):
    def write(self, data: Any) -> int:
        if self.tell() + memoryview(data).nbytes > LARGEST:
            raise pickle.PicklingError("too large")
        return super().write(data)


def packed(content: Any) -> bytes | None:
    """Pickled, functions of the user's script and closures included; None if that cannot be."""
    file = _Limited()
    try:
        require("cloudpickle", extra="workers").Pickler(file).dump(content)
    except Exception:
        return None
    return file.getvalue()


def send_by_value(module: ModuleType) -> None:
    """Send the module's functions and classes as code: a fresh process would not find it."""
    with contextlib.suppress(MissingExtra):
        require("cloudpickle", extra="workers").register_pickle_by_value(module)
