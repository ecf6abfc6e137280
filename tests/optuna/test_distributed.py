"""Studies of several processes: one reference sample for all, and the same trust."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage, RDBStorage
from optuna.trial import TrialState

from zc_plugins.errors import NothingScored
from zc_plugins.optuna import _once, trust
from zc_plugins.optuna._once import made_once

from . import postgres
from .builders import size_scorer
from .distributed import BUILT, filters, judges, searches, storage

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

# Processes are forked off one that has imported all and started no thread.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.optuna.distributed"])


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[str]:
    if postgres.binaries() is None:
        pytest.skip("no initdb on PATH or under /usr/lib/postgresql")
    if postgres.unprivileged() is None:
        pytest.skip("PostgreSQL refuses root, and there is no setpriv")
    with postgres.server() as folder:
        yield folder


@pytest.fixture(params=["postgres", "journal", "grpc"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of a storage with an empty study ``s``."""
    kept: Any = f"sqlite:///{tmp_path}/study.sqlite3"
    if request.param == "postgres":
        socket = request.getfixturevalue("postgres_socket")
        kept = postgres.new_database(socket, f"d{time.monotonic_ns()}")
    elif request.param == "journal":
        kept = f"journal:{tmp_path}/journal.log"
    made = storage(kept)
    optuna.create_study(study_name="s", storage=made, direction="maximize")
    if request.param == "grpc":
        yield from _behind_grpc(made)
    else:
        yield kept
    if isinstance(made, RDBStorage):
        made.engine.dispose()


def _behind_grpc(kept: Any) -> Iterator[str]:
    import socket

    from optuna.storages._grpc.server import make_server

    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    server = make_server(kept, "localhost", port)
    server.start()
    yield f"grpc:{port}"
    server.stop(None).wait()


def started(target: Any, number: int, *arguments: Any) -> list[Any]:
    workers = [PROCESSES.Process(target=target, args=arguments) for _ in range(number)]
    for worker in workers:
        worker.start()
    return workers


def ended(workers: list[Any]) -> None:
    for worker in workers:
        worker.join(120)  # a killed one's lock on a journal lies for 30 s
    assert [worker.exitcode for worker in workers] == [0] * len(workers)


def test_the_reference_is_made_once(address: str, tmp_path: Path) -> None:
    barrier = PROCESSES.Barrier(3)
    ended(started(judges, 3, address, tmp_path / "log", barrier))
    lines = (tmp_path / "log").read_text().split()
    assert len(lines) == BUILT
    assert len(set(lines)) == 1
    kept = storage(address)
    assert "zc_reference" in kept.get_study_user_attrs(kept.get_study_id_from_name("s"))
    close(kept)


def test_a_killed_maker_is_replaced(address: str, tmp_path: Path) -> None:
    log, alone, together = tmp_path / "log", PROCESSES.Barrier(1), PROCESSES.Barrier(2)
    (maker,) = started(judges, 1, address, log, alone, 5)
    while not log.exists() or len(log.read_text().split()) < 5:
        time.sleep(0.02)
        assert maker.exitcode is None
    others = started(judges, 2, address, log, together)
    time.sleep(0.5)
    assert len(log.read_text().split()) == 5, "the maker lives, so the others wait"
    os.kill(maker.pid, signal.SIGKILL)
    maker.join(60)
    ended(others)
    built = Counter(map(int, log.read_text().split()))
    assert built.pop(maker.pid) == 5
    assert list(built.values()) == [BUILT]


def test_all_workers_see_the_same_trust(address: str, tmp_path: Path) -> None:
    barrier, told = PROCESSES.Barrier(3), PROCESSES.Queue()
    workers = started(searches, 3, address, tmp_path / "log", barrier, told, 4)
    seen = [told.get(timeout=60) for _ in workers]
    ended(workers)
    kept = storage(address)
    study = optuna.load_study(study_name="s", storage=kept)
    assert set(seen) == {str(trust(study, size_scorer()))}
    trials = study.get_trials(deepcopy=False)
    assert [trial.number for trial in trials] == list(range(12))
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert len(complete) >= 3
    assert all("zc_params" in trial.user_attrs for trial in complete)
    close(kept)


def test_workers_that_begin_together_train_nothing_twice(address: str, tmp_path: Path) -> None:
    """Each has scored the same pool, and would begin with its best."""
    barrier = PROCESSES.Barrier(3)
    ended(started(filters, 3, address, tmp_path / "log", barrier, 4))
    kept = storage(address)
    trials = optuna.load_study(study_name="s", storage=kept).get_trials(deepcopy=False)
    assert len(trials) == 12
    assert len({trial.params["width"] for trial in trials}) == 12
    close(kept)


def close(kept: Any) -> None:
    if isinstance(kept, RDBStorage):
        kept.engine.dispose()
    elif hasattr(kept, "remove_session"):
        kept.remove_session()


# The turns themselves, by threads


def test_threads_make_it_once() -> None:
    memory, made = InMemoryStorage(), list[int]()
    study = memory.create_new_study([optuna.study.StudyDirection.MAXIMIZE])
    start = threading.Barrier(8)

    def make() -> int:
        time.sleep(0.05)
        made.append(7)
        return 7

    def work() -> None:
        start.wait(10)
        assert made_once(memory, study, "x", lambda: made[0] if made else None, make) == 7

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [7]


def test_after_one_that_failed_the_next_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, made = InMemoryStorage(), list[int]()
    study = memory.create_new_study([optuna.study.StudyDirection.MAXIMIZE])

    def fail() -> int:
        raise NothingScored("out of luck")

    def find() -> int | None:
        return made[0] if made else None

    with pytest.raises(NothingScored):
        made_once(memory, study, "x", find, fail)
    monkeypatch.setattr(_once.time, "sleep", lambda _: pytest.fail("who failed is gone"))
    assert made_once(memory, study, "x", find, lambda: 3) == 3


class Stuck(InMemoryStorage):
    """Lets no sign of life through while its gate is closed, as where a dead one holds a lock."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.waiting = threading.Event(), threading.Semaphore(0)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        _, sign = value
        if sign >= 2 and not self.gate.is_set():  # after its entry and its ticket
            self.waiting.release()
            self.gate.wait(30)
        super().set_study_system_attr(study_id, key, value)


def test_while_no_sign_gets_through_nobody_is_taken_for_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_once, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(_once, "PATIENCE_BEATS", 25)
    storage, made = Stuck(), list[int]()
    study = storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE])
    storage.set_study_system_attr(study, "zc_plugins:making:x:dead", [1, 0])

    def make() -> int:
        time.sleep(0.05)
        made.append(7)
        return 7

    def work() -> None:
        assert made_once(storage, study, "x", lambda: made[0] if made else None, make) == 7

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert storage.waiting.acquire(timeout=30)
    time.sleep(1)  # twice what 25 beats take
    assert not made
    storage.gate.set()
    for thread in threads:
        thread.join(30)
    assert made == [7]


def test_own_signs_while_the_others_are_read_are_no_silence_of_theirs() -> None:
    class Slow(InMemoryStorage):
        def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
            found = super().get_study_system_attrs(study_id)
            place._beats += _once.PATIENCE_BEATS
            return found

    storage = Slow()
    study = storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE])
    place = _once._Place(storage, study, "x")
    place._ticket = 2
    for sign in (1, 2):
        storage.set_study_system_attr(study, "x:other", [1, sign])
        assert not place.is_first()
    assert not place.is_first()
    assert place.is_first(), "silent while this one gave as many signs as patience has"


def test_a_worker_whose_signs_reach_a_storage_that_raises_is_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signs = list[int]()

    class Raises(InMemoryStorage):
        def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
            super().set_study_system_attr(study_id, key, value)
            signs.append(value[1])
            if 2 <= value[1] < 5:
                raise OSError("the answer is lost")

    monkeypatch.setattr(_once, "BEAT_SECONDS", 0.01)
    storage = Raises()
    study = storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE])
    with _once._Place(storage, study, "x"):
        while len(signs) < 7:
            time.sleep(0.001)
    assert signs[:7] == list(range(7))
