"""What one worker of a study makes for all: by whoever comes first, and by the next if it dies."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from optuna.storages import BaseStorage

BEAT_SECONDS = 2.0
"""Between two signs of life of a worker that makes or waits."""

PATIENCE_BEATS = 10
"""A worker that gives no sign while who waits for it gives so many is taken for dead.

Not a time: while the storage is lost, or its lock lies with a killed worker, all are silent."""

_CHOOSING, _LEFT = 0, -1
"""Tickets of a worker that has not got its own yet, and of one that is gone."""

Made = TypeVar("Made")


def made_once(
    storage: BaseStorage,
    study_id: int,
    name: str,
    find: Callable[[], Made | None],
    make: Callable[[], Made],
) -> Made:
    """What ``find`` finds; where it finds nothing, one worker makes it and the others wait.

    Needs no more of a storage than attributes of a study that are read as they were last written:
    workers draw tickets as in Lamport's bakery, and the lowest number makes. They stay in the
    study's system attributes. A worker that was only asleep may make it a second time.

    Args:
        storage: the study's.
        study_id: of the study.
        name: of what is made.
        find: looks for it in the storage.
        make: makes and stores it.

    Raises:
        Exception: what ``make`` raises, and then the next worker tries.
    """
    found = find()
    if found is not None:
        return found
    with _Place(storage, study_id, f"zc_plugins:making:{name}") as place:
        pause = 0.02
        while True:
            first = place.is_first()
            # Looked for after the turn was found: who left before has stored it.
            found = find()
            if found is not None:
                return found
            if first:
                return make()
            time.sleep(pause)
            pause = min(2 * pause, BEAT_SECONDS / 2)


class _Place:
    """This worker's place among those that wait, given up at the end of the block."""

    def __init__(self, storage: BaseStorage, study_id: int, name: str) -> None:
        self._storage, self._study_id, self._name = storage, study_id, name
        self._key = f"{name}:{uuid.uuid4().hex}"
        # Signs of life that were tried, and those that surely got through.
        self._ticket, self._signs, self._beats = _CHOOSING, itertools.count(), 0
        self._seen: dict[str, tuple[list[int], int]] = {}
        self._end = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> _Place:
        self._write()
        self._ticket = 1 + max((ticket for ticket, _ in self._others().values()), default=0)
        self._write()
        self._heart.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._heart.join()
        self._ticket = _LEFT
        self._write()

    def is_first(self) -> bool:
        """Whether nobody who is alive has, or may be getting, a lower ticket."""
        # Beats of ours while a slow storage is read are not ones that the others have missed.
        before, first = self._beats, True
        for key, claim in self._others().items():
            if self._seen.get(key, ([], 0))[0] != claim:
                self._seen[key] = claim, self._beats
            alive = before - self._seen[key][1] < PATIENCE_BEATS
            earlier = (claim[0], key) < (self._ticket, self._key)
            first &= not (alive and earlier and claim[0] != _LEFT)
        return first

    def _others(self) -> dict[str, list[int]]:
        """Ticket and number of the last sign of each other worker."""
        attributes: dict[str, Any] = self._storage.get_study_system_attrs(self._study_id)
        return {
            key: claim
            for key, claim in attributes.items()
            if key.startswith(f"{self._name}:") and key != self._key
        }

    def _beat(self) -> None:
        while not self._end.wait(BEAT_SECONDS):
            # A storage that is lost for a moment must not end the work.
            with contextlib.suppress(Exception):
                self._write()
                self._beats += 1

    def _write(self) -> None:
        claim = [self._ticket, next(self._signs)]
        self._storage.set_study_system_attr(self._study_id, self._key, claim)
