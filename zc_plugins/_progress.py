"""A progress bar for long work, silent in CI, in pipes and under tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from tqdm.auto import tqdm  # Optuna brings it

Item = TypeVar("Item")


def progress(
    items: Iterable[Item],
    *,
    total: int,
    description: str,
    unit: str = "it",
    state: Callable[[], Mapping[str, str]] | None = None,
    show: bool | None = None,
) -> Iterator[Item]:
    """Yield the items while a bar counts them.

    Args:
        items: what to walk through.
        total: how many there are.
        description: what is being done to them.
        unit: what they are, for the rate.
        state: what the bar shows beside the count; asked after each item, if there is a bar.
        show: None shows the bar on a terminal outside CI; True and False decide.
    """
    if show is None:
        show = sys.stderr.isatty() and not os.environ.get("CI")
    with tqdm(total=total, desc=description, unit=unit, disable=not show, leave=False) as bar:
        for item in items:
            yield item
            bar.update()
            if show and state is not None:
                bar.set_postfix(state(), refresh=False)
