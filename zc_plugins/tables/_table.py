"""What a benchmark table is, and what training costs in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from zc_plugins._shapes import Float, ndarray
from zc_plugins.errors import InvalidArgument
from zc_plugins.spaces import SearchSpace


@runtime_checkable
class Table(Protocol):
    """Recorded trainings of architectures on one data set, so that a search can be replayed.

    Of every metric here higher is better; losses come negated. What was not recorded is NaN.
    """

    @property
    def architectures(self) -> tuple[str, ...]:
        """The keys: texts as ``space`` encodes them, each once."""
        ...

    @property
    def space(self) -> SearchSpace[Any]:
        """The space that reads the texts and builds the networks."""
        ...

    @property
    def dataset(self) -> str:
        """Name of the data set, or of the task."""
        ...

    @property
    def metric(self) -> str:
        """What ``validation`` and ``test`` are, with the unit: ``"top-1 accuracy, percent"``."""
        ...

    @property
    def validation(self) -> Float[ndarray, " architectures"]:
        """In the metric, after the whole training."""
        ...

    @property
    def test(self) -> Float[ndarray, " architectures"]:
        """In the metric, after the whole training."""
        ...

    @property
    def fidelities(self) -> Mapping[int, Float[ndarray, " architectures"]]:
        """Validation by the epochs of the training, ascending; the last one is ``validation``."""
        ...

    @property
    def one_training(self) -> bool:
        """Whether the fidelities are points of one training, so that the next one goes on from it.

        Where not, each is a training of its own, with a learning rate that falls to its own end.
        """
        ...

    @property
    def train_seconds(self) -> Float[ndarray, " architectures"]:
        """Seconds of the whole training on one device, as recorded."""
        ...


def training_seconds(
    table: Table, epochs: int, *, after: int = 0
) -> Float[ndarray, " architectures"]:
    """Seconds that it takes to know an architecture's validation after ``epochs``.

    Seconds are recorded of the whole training only and shared out evenly among its epochs: each
    passes the same images through the same network once. (NAS-Bench-201 records twice the seconds
    on twice the images, to seven digits, and 12 / 200 of them for 12 epochs.)

    Args:
        table: of the trainings.
        epochs: of the training, from 1 to those of the whole one.
        after: epochs of a training that is already paid for, 0 for none. What goes on from there
            is cheaper in tables of ``one_training`` only; elsewhere the longer one starts anew.

    Returns:
        Shape (architectures,), NaN where no seconds are recorded.

    Raises:
        InvalidArgument: if ``epochs`` is out of range, or ``after`` is not below it.
    """
    whole = max(table.fidelities)
    if not 0 <= after < epochs <= whole:
        raise InvalidArgument(
            f"epochs={epochs}, after={after}: pass 0 <= after < epochs <= {whole}"
        )
    paid = epochs - after if table.one_training else epochs
    return table.train_seconds * (paid / whole)
