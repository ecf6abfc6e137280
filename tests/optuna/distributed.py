"""What each worker process of a distributed study runs."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, GrpcStorageProxy, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from torch import nn

from zc_plugins.optuna import (
    FilterThenTrainSampler,
    ZeroCostPruner,
    ZeroCostSampler,
    _once,
    trust,
)
from zc_plugins.optuna._judge import Judge

from .builders import size_scorer

SAMPLE = 12
"""Architectures of the reference."""

BUILT = 2 * SAMPLE
"""Calls of the builder for it: each is drawn, and built."""


class Builder:
    """Linear layers; writes down who built, and falls asleep at one of them for good.

    Args:
        log: lines of process ids.
        asleep_at: number of the network at which this process never wakes up; None for none.
    """

    def __init__(self, log: Path, asleep_at: int | None = None) -> None:
        self.log, self.asleep_at, self.built = log, asleep_at, 0

    def __call__(self, trial: Any) -> nn.Module:
        self.built += 1
        width = trial.suggest_int("width", 1, 10**9)
        with self.log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        while self.built == self.asleep_at:
            time.sleep(1)
        return nn.Linear(4, width % 64 + 1)


def storage(address: str) -> BaseStorage:
    """The storage of an address, opened by this process."""
    kind, _, rest = address.partition(":")
    if kind == "journal":
        return JournalStorage(JournalFileBackend(rest))
    if kind == "grpc":
        return GrpcStorageProxy(host="localhost", port=int(rest))
    return RDBStorage(address)


def judges(address: str, log: Path, barrier: Any, asleep_at: int | None = None) -> None:
    """Judge one network at the same moment as all others."""
    _once.BEAT_SECONDS, _once.PATIENCE_BEATS = 0.1, 20
    study = optuna.load_study(study_name="s", storage=storage(address))
    build = Builder(log, asleep_at)
    judge = Judge(named(build), size_scorer(), None, SAMPLE)
    barrier.wait(60)
    judge._against(study)


def named(build: Builder) -> Any:
    """A space of one name in all processes, however the builder is set."""
    from zc_plugins import ModuleSpace

    return ModuleSpace(build, name="layers")


def searches(address: str, log: Path, barrier: Any, told: Any, trials: int) -> None:
    """Run trials, and tell the trust that this process sees when all have ended."""
    scorer, build = size_scorer(), Builder(log)
    base = optuna.samplers.RandomSampler(seed=os.getpid())
    study = optuna.load_study(
        study_name="s",
        storage=storage(address),
        sampler=ZeroCostSampler(base, named(build), scorer, candidates=4),
        pruner=ZeroCostPruner(None, named(build), scorer, reference_size=SAMPLE, keep=0.8),
    )

    def objective(trial: optuna.Trial) -> float:
        model = build(trial)
        if trial.should_prune():
            raise optuna.TrialPruned
        return float(sum(p.numel() for p in model.parameters()))

    study.optimize(objective, n_trials=trials)
    barrier.wait(60)
    told.put(str(trust(study, scorer)))


def filters(address: str, log: Path, barrier: Any, trials: int) -> None:
    """Filter, then train, beginning together with the others."""
    study = optuna.load_study(
        study_name="s",
        storage=storage(address),
        sampler=FilterThenTrainSampler(named(Builder(log)), size_scorer(), pool=20),
    )

    def objective(trial: optuna.Trial) -> float:
        width = trial.suggest_int("width", 1, 10**9)
        time.sleep(0.05)
        return float(width % 97)

    barrier.wait(60)
    study.optimize(objective, n_trials=trials)
