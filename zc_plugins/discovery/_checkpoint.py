"""The state of an evolution between two generations, as JSON."""

from __future__ import annotations

import hashlib
import json
import os
import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np

from zc_plugins._read_json import read_json
from zc_plugins.discovery.evolution import Generation
from zc_plugins.discovery.fitness import Fault, Verdict
from zc_plugins.discovery.genome import Genome
from zc_plugins.discovery.ground import Ground
from zc_plugins.errors import InvalidArgument

FORMAT = "zc_plugins evolution 2"


@dataclass
class State:
    """All that the next generation depends on.

    Attributes:
        rng: whose state the next draws come from.
        population: genomes, the best first.
        known: canonical form to verdict, of all programs so far.
        history: one entry a generation.
    """

    rng: random.Random
    population: list[Genome] = field(default_factory=list)
    known: dict[str, Verdict] = field(default_factory=dict)
    history: list[Generation] = field(default_factory=list)

    def write(self, path: Path, settings: Mapping[str, Any]) -> None:
        """Replace the file at once, so that a kill leaves the old one or the new one.

        Raises:
            InvalidArgument: if it cannot be written, for lack of room say; the old one stays.
        """
        version, words, gauss = self.rng.getstate()
        content = {
            "format": FORMAT,
            "settings": settings,
            "rng": [version, list(words), gauss],
            "population": self.population,
            # JSON has no NaN, and a fault has no tau.
            "known": {key: v.fault or v.tau for key, v in self.known.items()},
            "history": [list(vars(generation).values()) for generation in self.history],
        }
        try:
            text = json.dumps({**content, "digest": _digest(content)}, allow_nan=False)
            _replace(path, text)
        except OSError as error:
            raise InvalidArgument(
                f"checkpoint={str(path)!r} cannot be written ({error}): pass a file in a folder "
                "that exists and has room"
            ) from error

    @staticmethod
    def read(path: Path, settings: Mapping[str, Any]) -> State:
        """The state that ``write`` has left.

        Raises:
            InvalidArgument: if the file is none, was edited, or is of an evolution with other
                settings.
        """
        try:
            held = read_json(path.read_text())
            given, kept = json.loads(json.dumps(settings)), dict(held["settings"])
            if held["format"] != FORMAT:
                raise InvalidArgument(f"checkpoint={str(path)!r} is no {FORMAT!r}: pass another")
            if held.pop("digest") != _digest(held):
                raise InvalidArgument(
                    f"checkpoint={str(path)!r} was edited: pass it as it was written, or another"
                )
            version, words, gauss = held["rng"]
            rng = random.Random()
            rng.setstate((version, tuple(words), gauss))
            state = State(
                rng,
                [tuple(genome) for genome in held["population"]],
                {key: _verdict(value) for key, value in dict(held["known"]).items()},
                [_generation(*entry) for entry in held["history"]],
            )
        except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise InvalidArgument(
                f"checkpoint={str(path)!r} cannot be read ({error}): pass another file"
            ) from error
        for name in given:
            if given[name] != kept.get(name):
                raise InvalidArgument(
                    f"checkpoint={str(path)!r} is of another evolution ({name} differs): pass "
                    "another file"
                )
        return state


def _replace(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        try:
            file.write(text)
            file.flush()
            os.replace(file.name, path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise


def _digest(content: Mapping[str, Any]) -> str:
    """Of a state; programs and verdicts that an editor changed would fail much later."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _verdict(value: Any) -> Verdict:
    """Of a fault's name or a tau."""
    faults = {str(fault): fault for fault in get_args(Fault)}
    return Verdict(faults[value]) if value in faults else Verdict("", float(value))


def _generation(
    number: int, tau: float, held_out: float, judged: int, faults: Sequence[Sequence[Any]]
) -> Generation:
    return Generation(number, tau, held_out, judged, tuple((str(n), int(c)) for n, c in faults))


def fingerprint(grounds: Sequence[Ground]) -> str:
    """Of all that fitness reads."""
    digest = hashlib.sha256()
    for ground in grounds:
        bank = ground.bank
        digest.update("\n".join([*map(str, bank.columns), *bank.networks]).encode())
        for values in (bank.values, bank.starts, ground.accuracy, ground.params):
            digest.update(np.ascontiguousarray(values).tobytes())
        for places in (ground.training, ground.held_out):
            digest.update(np.ascontiguousarray(places).tobytes())
    return digest.hexdigest()
