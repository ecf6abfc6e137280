"""Options that several commands take, and their texts as values."""

from __future__ import annotations

from typing import Annotated

import torch
import typer

from zc_plugins.errors import InvalidArgument

InputShape = Annotated[
    str, typer.Option("--input-shape", help="Sizes of one sample without the batch: 3,32,32.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of weights, inputs and signs.")]
Device = Annotated[str, typer.Option(help="auto takes the accelerator if there is one.")]
Workers = Annotated[
    str, typer.Option(help="Processes that score: auto uses all cores where that is faster.")
]


def sizes(text: str) -> tuple[int, ...]:
    """``"3,32,32"`` as (3, 32, 32).

    Raises:
        InvalidArgument: if an entry is no positive integer.
    """
    try:
        shape = tuple(int(size) for size in text.replace("x", ",").split(","))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise InvalidArgument(
            f"--input-shape {text!r}: pass the positive sizes of one sample, e.g. 3,32,32"
        )
    return shape


def checked_device(text: str) -> str:
    """The name of a device, if torch has one of that name here.

    Raises:
        InvalidArgument: otherwise.
    """
    if text != "auto":
        try:
            torch.empty(1, device=torch.device(text))
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            reason = str(error).splitlines()[0]
            raise InvalidArgument(
                f"--device {text!r} cannot be used here ({reason}): pass auto or cpu"
            ) from error
    return text


def checked_workers(text: str) -> int | str:
    """A number of processes, or auto.

    Raises:
        InvalidArgument: if it is neither.
    """
    if text == "auto" or (text.isdecimal() and int(text) > 0):
        return text if text == "auto" else int(text)
    raise InvalidArgument(f"--workers {text!r}: pass auto or a number of processes")
