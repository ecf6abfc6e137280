"""What an evolution has found, and how it got there."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from zc_plugins._read_json import read_json
from zc_plugins.discovery.expression import Expression, Reduce
from zc_plugins.discovery.parse import parse
from zc_plugins.errors import InvalidArgument
from zc_plugins.proxies import Proxy

FORMAT = "zc_plugins evolved proxy 1"


@dataclass(frozen=True)
class Found:
    """A proxy of the hall of fame.

    Attributes:
        expression: simplified, for one layer.
        reduce: over layers.
        tau: its fitness before parsimony: Kendall's tau on training networks, the least of the
            splits; see ``Fitness``.
        held_out: Kendall's tau on each ground's held-out networks. The best is chosen by their
            mean, which is therefore a little too good: measure on further networks.
        gain: ``held_out`` less that of the number of parameters.
    """

    expression: Expression
    reduce: Reduce
    tau: float
    held_out: tuple[float, ...]
    gain: tuple[float, ...]

    def proxy(self, name: str) -> Proxy:
        """As a proxy for a ``Scorer``; higher is better."""
        return self.expression.proxy(name, reduce=self.reduce)

    @property
    def json(self) -> str:
        """As JSON, which ``found_json`` reads."""
        fields = {**asdict(self), "expression": str(self.expression), "format": FORMAT}
        return json.dumps(fields, indent=1)


@dataclass(frozen=True)
class Generation:
    """One generation's account.

    Attributes:
        number: 0 for the first, which is random.
        tau: the best fitness so far before parsimony.
        held_out: the same proxy's mean tau on the held-out networks; where it falls while ``tau``
            rises, the evolution learns its training networks by heart.
        judged: programs that were new in their canonical form.
        faults: how many of these were no proxy, by fault.
    """

    number: int
    tau: float
    held_out: float
    judged: int
    faults: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Evolution:
    """Attributes:
    fame: the hall of fame, best mean held-out tau first.
    history: one entry a generation.
    """

    fame: tuple[Found, ...]
    history: tuple[Generation, ...]

    @property
    def best(self) -> Found:
        """First of the hall of fame."""
        return self.fame[0]


def ranked(fame: Sequence[Found]) -> tuple[Found, ...]:
    """Best mean held-out tau first; of equals the shorter."""

    def merit(found: Found) -> tuple[float, int]:
        return -sum(found.held_out) / len(found.held_out), len(list(found.expression))

    return tuple(sorted(fame, key=merit))


def found_json(source: str | os.PathLike[str]) -> Found:
    """The proxy that ``Found.json`` has written, from a file.

    Raises:
        InvalidArgument: if it holds none.
    """
    try:
        held = read_json(Path(source).read_text())
        if held["format"] != FORMAT:
            raise InvalidArgument(f"{str(source)!r} holds no {FORMAT!r}")
        taus = (tuple(map(float, held[name])) for name in ("held_out", "gain"))
        found = Found(parse(held["expression"]), held["reduce"], float(held["tau"]), *taus)
        found.proxy("checked")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidArgument(
            f"{str(source)!r} holds no evolved proxy ({error}): pass a file that .json of one gave"
        ) from error
    return found
