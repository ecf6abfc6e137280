"""JSON that someone else may have written."""

from __future__ import annotations

import json
from typing import Any


def read_json(text: str | bytes) -> Any:
    """What the text holds.

    Raises:
        ValueError: if it is no JSON, or nested more deeply than Python's stack bears.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
