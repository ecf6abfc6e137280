"""A progress bar for long work, silent in CI, in pipes and under tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm.auto import tqdm  # Optuna brings it

Item = TypeVar("Item")


def progress(
    items: Iterable[Item], *, total: int, description: str, show: bool | None = None
) -> Iterator[Item]:
    """Yield the items while a bar counts them.

    Args:
        items: what to walk through.
        total: how many there are.
        description: what is being done to them.
        show: None shows the bar on a terminal outside CI; True and False decide.
    """
    if show is None:
        show = sys.stderr.isatty() and not os.environ.get("CI")
    yield from tqdm(items, total=total, desc=description, disable=not show, leave=False)
