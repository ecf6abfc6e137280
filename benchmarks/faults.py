"""A study of several workers that are killed at random moments: what is lost, doubled or wrong.

    python -m benchmarks.faults --kills 200 --workers 4 --storage sqlite --json

Workers are forked, run ``study.optimize`` with ``ZeroCostSampler`` and ``ZeroCostPruner`` (or, with
``--way filter-then-train``, that sampler) and share one score cache; SIGKILL ends one after
another, and a new one takes its place. A worker notes each trial that it was told is stored, in a
file of its own. In the end these notes, the trials and the rows of the cache are held against each
other and against a scorer without cache.

With ``sqlite`` Optuna's heartbeat finds the trials of killed workers and queues them again; with
``journal`` they stay running for ever, as Optuna leaves them. Optuna's queueing has a gap of its
own, for a kill between its two writes, and no lock: ``--way optuna`` runs Optuna alone.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.pruners import BasePruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler
from optuna.storages import (
    BaseStorage,
    JournalStorage,
    RDBStorage,
    RetryHeartbeatStaleTrialCallback,
)
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState
from torch import nn

from benchmarks.provenance import provenance
from zc_plugins import Excitation, ModuleSpace, Scorer
from zc_plugins._score_attributes import PREFIX
from zc_plugins.cache import ScoreCache
from zc_plugins.optuna import FilterThenTrainSampler, ZeroCostPruner, ZeroCostSampler

NAME = "killed"
WAYS = ("zero-cost", "filter-then-train", "optuna")
PROXIES = ("params", "l2_norm", "synflow")
GRACE_SECONDS = 4


def build_model(trial: Any) -> nn.Module:
    """A small network; one of 3,072."""
    widths = [trial.suggest_int(f"width_{place}", 1, 16) for place in range(2)]
    kernel = trial.suggest_categorical("kernel", [1, 3, 5])
    depth = trial.suggest_int("depth", 1, 4)
    layers: list[nn.Module] = [nn.Conv2d(3, widths[0], kernel, padding="same"), nn.ReLU()]
    for _ in range(depth):
        layers += [nn.Conv2d(widths[0], widths[0], kernel, padding="same"), nn.ReLU()]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[0], widths[1])]
    return nn.Sequential(*layers)


SPACE = ModuleSpace(build_model, "killed")


def value_of(params: dict[str, Any]) -> float:
    """What a trial's training comes to."""
    return float(params["width_0"] * params["depth"] + params["kernel"] / 10)


def scorer(cache: Path | None) -> Scorer:
    """On the CPU, so that rows can be compared to the last bit."""
    return Scorer(PROXIES, Excitation((3, 8, 8), batch_size=4), cache=cache, device="cpu")


def storage_in(folder: Path, kind: str) -> BaseStorage:
    """The study's storage; a process must open its own."""
    if kind == "journal":
        path = str(folder / "journal.log")
        return JournalStorage(
            JournalFileBackend(path, lock_obj=JournalFileOpenLock(path, grace_period=2))
        )
    return RDBStorage(
        f"sqlite:///{folder / 'study.sqlite3'}",
        engine_kwargs={"connect_args": {"timeout": 60}},
        heartbeat_interval=1,
        grace_period=GRACE_SECONDS,
        heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(),
    )


def work(folder: Path, kind: str, number: int, *, way: str) -> None:
    """One worker's life, until it is killed or a file named ``stop`` appears."""
    notes = os.open(folder / f"notes_{number}", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

    def note(study: optuna.Study, trial: FrozenTrial) -> None:
        os.write(notes, f"{trial.number} {trial.state.name} {trial.value}\n".encode())
        if (folder / "stop").exists():
            study.stop()

    def objective(trial: optuna.Trial) -> float:
        build_model(trial)
        # As long as a proposal and a verdict take.
        time.sleep(0.4 if way == "optuna" else 0)
        if trial.should_prune():
            raise optuna.TrialPruned
        return value_of(trial.params)

    own = scorer(folder / "scores.sqlite3")
    sampler: BaseSampler = RandomSampler(seed=number)
    pruner: BasePruner = NopPruner()
    if way == "zero-cost":
        sampler = ZeroCostSampler(sampler, SPACE, own, half_life=None)
        pruner = ZeroCostPruner(None, SPACE, own, reference_size=20)
    elif way == "filter-then-train":
        # Other seeds, or all workers would look at the same architectures.
        sampler = FilterThenTrainSampler(SPACE, own, pool=60, seed=number)
    study = optuna.load_study(
        study_name=NAME, storage=storage_in(folder, kind), sampler=sampler, pruner=pruner
    )
    study.optimize(objective, callbacks=[note])


def forked(folder: Path, kind: str, number: int, *, way: str) -> int:
    """The worker's process; a fork needs no seconds for its imports."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        with (folder / f"errors_{number}").open("w") as errors:
            os.dup2(errors.fileno(), 2)
            work(folder, kind, number, way=way)
        code = 0
    except BaseException as error:
        os.write(2, repr(error).encode())
    finally:
        os._exit(code)


def killed_study(
    folder: Path, kind: str, kills: int, workers: int, seed: int, *, way: str = WAYS[0]
) -> tuple[int, list[str]]:
    """Run the study until as many workers were killed.

    Returns:
        How many workers ran, and what those said that ended by themselves.

    Raises:
        RuntimeError: if more end by themselves than there are at once, with the last one's words.
    """
    rng = np.random.default_rng(seed)
    _created(folder, kind)
    running = [forked(folder, kind, number, way=way) for number in range(workers)]
    alive = dict(zip(running, range(workers), strict=True))
    started, done, crashed = workers, 0, list[str]()
    while done < kills:
        time.sleep(float(rng.exponential(0.25)))
        victim = list(alive)[int(rng.integers(len(alive)))]
        os.kill(victim, signal.SIGKILL)
        _, status = os.waitpid(victim, 0)
        number = alive.pop(victim)
        if os.WIFSIGNALED(status):
            done += 1
        else:
            crashed.append((folder / f"errors_{number}").read_text())
        if len(crashed) > workers:
            _end(alive)
            raise RuntimeError(f"{len(crashed)} workers ended by themselves: {crashed[-1]}")
        alive[forked(folder, kind, started, way=way)] = started
        started += 1
    time.sleep(GRACE_SECONDS + 2)
    (folder / "stop").touch()
    for process, number in alive.items():
        if os.waitpid(process, 0)[1] != 0:
            crashed.append((folder / f"errors_{number}").read_text())
    return started, crashed


def _end(processes: Iterable[int]) -> None:
    for process in processes:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def _created(folder: Path, kind: str) -> None:
    storage = storage_in(folder, kind)
    optuna.create_study(study_name=NAME, storage=storage, direction="maximize")
    _closed(storage)


def _closed(storage: BaseStorage) -> None:
    # A connection must not be handed on to a fork.
    if isinstance(storage, RDBStorage):
        storage.engine.dispose()


def checked(folder: Path, kind: str) -> dict[str, Any]:
    """Counts of what was found in the end; all that is lost, doubled or wrong should be 0.

    Trained again should be none with filter-then-train; the other ways draw at random.
    """
    storage = storage_in(folder, kind)
    trials = optuna.load_study(study_name=NAME, storage=storage).trials
    _closed(storage)
    noted = list(_notes(folder))
    stored = {t.number: (t.state.name, str(t.value)) for t in trials}
    # A retry of a retry names the first of them as failed_trial, and ends its history with its own.
    retries = Counter(t.system_attrs.get("retry_history", [None])[-1] for t in trials)
    failed = [t for t in trials if t.state == TrialState.FAIL]
    retried = [t for t in failed if retries[t.number]]
    states = Counter(t.state.name for t in trials)
    complete = [_text(t) for t in trials if t.state == TrialState.COMPLETE]
    return {
        "trials": len(trials),
        "states": dict(sorted(states.items())),
        "lost": sum(stored.get(number) != (state, value) for number, state, value in noted),
        "missing_numbers": len(set(range(len(trials))) - stored.keys()),
        "architectures_trained_again": len(complete) - len(set(complete)),
        "doubled": len(noted) - len({number for number, *_ in noted}),
        "retried_twice": sum(retries[t.number] > 1 for t in failed),
        "failed_not_retried": len(failed) - len(retried) if kind == "sqlite" else None,
        "wrong_values": sum(
            t.value != value_of(t.params) for t in trials if t.state == TrialState.COMPLETE
        ),
        **_scores_checked(folder, trials),
    }


def _notes(folder: Path) -> Iterator[tuple[int, str, str]]:
    """Number, state and value that a worker was told are stored; a torn last line is none."""
    for file in folder.glob("notes_*"):
        for line in file.read_text().split("\n")[:-1]:
            number, state, value = line.split(" ")
            yield int(number), state, value


def _scores_checked(folder: Path, trials: list[FrozenTrial]) -> dict[str, Any]:
    """Rows of the cache and scores of trials against those of a scorer without cache."""
    path = folder / "scores.sqlite3"
    ScoreCache(path).close()
    with sqlite3.connect(path) as file:
        (health,) = file.execute("PRAGMA integrity_check").fetchone()
        known = [text for (text,) in file.execute("SELECT architecture FROM scores")]
    file.close()
    fresh, cached = scorer(None), scorer(path)
    pool = [SPACE.decode(text) for text in known]
    wanted = fresh.score(pool, space=SPACE, workers=1, show_progress=False)
    found = cached.score(pool, space=SPACE, workers=1, show_progress=False)
    layers = [
        np.array_equal(one, other)
        for name in PROXIES
        for one, other in zip(wanted.layers[name], found.layers[name], strict=True)
    ]
    by_text = dict(zip(wanted.candidates, wanted.values.tolist(), strict=True))
    # A killed one may have its scores and not all of its parameters yet.
    ended = [t for t in trials if t.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    told = [t for t in ended if all(f"{PREFIX}{name}" in t.user_attrs for name in PROXIES)]
    return {
        "cache_rows": len(known),
        "cache_rows_not_read": cached.scored,
        "cache_rows_wrong": int((wanted.values != found.values).any(axis=1).sum())
        + layers.count(False),
        "cache_file": health,
        "trials_with_scores": len(told),
        "wrong_scores": sum(
            [t.user_attrs[f"{PREFIX}{name}"] for name in PROXIES] != by_text.get(_text(t))
            for t in told
        ),
    }


def _text(trial: FrozenTrial) -> str:
    names = ("width_0", "width_1", "kernel", "depth")
    return json.dumps({n: trial.params[n] for n in names}, sort_keys=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--storage", choices=("sqlite", "journal"), default="sqlite")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--way", choices=WAYS, default=WAYS[0], help="optuna: without us")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started, crashed = killed_study(
            folder, arguments.storage, arguments.kills, arguments.workers, arguments.seed,
            way=arguments.way,
        )  # fmt: skip
        found = checked(folder, arguments.storage)
    result = {
        "storage": arguments.storage,
        "way": arguments.way,
        "kills": arguments.kills,
        "workers_at_once": arguments.workers,
        "workers_in_all": started,
        "workers_that_ended_by_themselves": crashed,
        **found,
        "seconds": round(time.monotonic() - start, 1),
        "seed": arguments.seed,
        **provenance(),
    }
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
