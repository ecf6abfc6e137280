"""Every error that zc_plugins raises: each names the argument, its value and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZeroCostError(Exception):
    """Root of the tree: catch this to catch all of ours."""


class InvalidArgument(ZeroCostError, ValueError):
    """An argument cannot be used as given."""


class NotAModule(InvalidArgument, TypeError):
    """A builder or a pool gave something that is not a ``torch.nn.Module``."""


class InputShapeMismatch(InvalidArgument):
    """The network's forward refuses an input of the given shape."""


class MissingParameter(InvalidArgument):
    """A builder asks for a parameter that was not given."""


class NonFiniteInput(InvalidArgument):
    """The input batch that the user gave holds NaN or infinity."""


class Unscorable(ZeroCostError):
    """One network has no defined score for one proxy: its cell becomes NaN, the text its note."""


class Degenerate(Unscorable):
    """The network itself is at fault: dead, disconnected, or not finite."""


class NoReadableLayers(Unscorable):
    """The network has no layer that the proxy can read."""


class MissingStatistic(Unscorable):
    """The excitation does not hold what the proxy reads: a second batch, labels."""


class EmptyTable(InvalidArgument):
    """A table without candidates or without proxies was handed to an ensemble."""


class ReferenceMismatch(InvalidArgument):
    """A reference sample was drawn from another space, or scored with other settings."""


class NothingScored(ZeroCostError):
    """Every candidate of a pool failed, so there is nothing to rank."""


class WorkerDied(ZeroCostError):
    """A worker process ended over one candidate, which is NaN then; the others are scored."""


class TookTooLong(ZeroCostError):
    """Building and scoring one candidate took more than the time limit; it is NaN then."""


class ManagerDied(ZeroCostError):
    """NNI's manager, which runs the trials of an experiment, ended before the experiment did."""


class MissingExtra(ZeroCostError, ImportError):
    """An optional package is not installed."""


class UnknownName(InvalidArgument, KeyError):
    """A proxy, ensemble or probe name that is on no shelf; the nearest names are offered."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known: {known}"
        self.message = f"{kind} {name!r} is not registered: {hint}"
        super().__init__(self.message)

    def __str__(self) -> str:
        # KeyError would print the repr of its argument.
        return self.message


class UnknownProxy(UnknownName):
    """No proxy of that name is on the shelf."""
