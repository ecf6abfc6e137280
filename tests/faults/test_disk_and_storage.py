"""A disk that is full and then is not, and a storage that is lost and comes back."""

from __future__ import annotations

import ast
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState
from torch import nn

from tests.faults.test_parsers import bank_in
from tests.test_laws import FILES, TREES, calls
from zc_plugins import Excitation, ModuleSpace, Scorer
from zc_plugins.cache import ScoreCache
from zc_plugins.data.add import add
from zc_plugins.discovery.bank import Bank
from zc_plugins.errors import InvalidArgument
from zc_plugins.optuna import ZeroCostPruner, ZeroCostSampler
from zc_plugins.report import save
from zc_plugins.search import search
from zc_plugins.spaces.stages import Stages

SHAPE = (3, 32, 32)
SPACE = Stages()


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes inside."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def searched(journal: Path | None) -> Any:
    scorer = Scorer(["params"], Excitation(SHAPE), device="cpu")
    return search(SPACE, scorer, candidates=12, batch=2, journal=journal)


@pytest.fixture(scope="module")
def result() -> Any:
    """Of a search without a journal."""
    return searched(None)


@pytest.mark.parametrize("size", [0, 700, 1700])
def test_a_journal_on_a_full_disk_is_gone_on_with(result: Any, tmp_path: Path, size: int) -> None:
    wanted = [(i.step, i.text, i.scores) for i in result.history]
    journal = tmp_path / "search.jsonl"
    with room_for(size), pytest.raises(InvalidArgument, match=r"journal=.*File too large"):
        searched(journal)
    assert [(i.step, i.text, i.scores) for i in searched(journal).history] == wanted


@pytest.mark.parametrize("size", [0, 200, 1200])
def test_a_card_is_whole_or_not_there(result: Any, tmp_path: Path, size: int) -> None:
    with room_for(size), pytest.raises(InvalidArgument, match="cannot be written"):
        save(result, tmp_path / "card", input_shape=SHAPE, device="cpu")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("size", [0, 100])
def test_a_bank_is_whole_or_refused(tmp_path: Path, size: int) -> None:
    with room_for(size), pytest.raises(InvalidArgument, match="cannot be written"):
        bank_in(tmp_path / "bank")
    with pytest.raises(InvalidArgument, match="holds no bank"):
        Bank.open(tmp_path / "bank")
    bank_in(tmp_path / "bank")
    assert Bank.open(tmp_path / "bank").networks == ("n",)


def test_a_data_file_is_whole_or_not_there(tmp_path: Path) -> None:
    source, folder = tmp_path / "t.csv", tmp_path / "data"
    source.write_text("a,b\n" + "1,2\n" * 1000)
    with room_for(1000), pytest.raises(InvalidArgument, match="File too large"):
        add(str(source), folder=folder)
    assert not [*folder.iterdir()]
    assert add(str(source), folder=folder).size == source.stat().st_size


def test_a_cache_that_is_deleted_under_way_is_done_without(tmp_path: Path) -> None:
    path, space = tmp_path / "scores.sqlite3", ModuleSpace(build_model)
    scorer = Scorer(["params"], Excitation((4,)), device="cpu", cache=path)
    pool = [space.sample(np.random.default_rng(seed)) for seed in range(6)]
    wanted = scorer.score(pool[:3], space=space)
    for file in tmp_path.iterdir():
        file.unlink()
    table = scorer.score(pool, space=space)
    np.testing.assert_array_equal(table.values[:3], wanted.values)
    assert table.scored.all()
    # What comes after it begins anew.
    with ScoreCache(path) as fresh:
        assert len(fresh) == 0


# Storage


def build_model(trial: Any) -> nn.Module:
    width = trial.suggest_int("width", 1, 40)
    return nn.Linear(4, width) if width % 3 else nn.Linear(4, trial.suggest_int("other", 1, 9))


class Lost(InMemoryStorage):
    """Raises at some call of those that a worker makes, and goes on as if nothing had been."""

    def __init__(self) -> None:
        super().__init__()
        self.left: int | None = None

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith(("get_all", "set_trial", "create_new_trial", "get_trial")):
            left = vars(self).get("left")
            if left is not None:
                self.left = left - 1
                if left <= 0:
                    raise StorageInternalError("the server is gone")
        return found


@contextmanager
def lost_in_optuna() -> Iterator[None]:
    """Suppresses the one other error of Optuna's; any other fails the test.

    Where the storage is lost as a trial is told and, for its state, read, Optuna's
    ``finally`` reads a variable that neither call has set.
    """
    try:
        yield
    except UnboundLocalError as error:
        if "'updated_state'" not in str(error) or not isinstance(
            error.__context__, StorageInternalError
        ):
            raise


@pytest.mark.parametrize("after", [*range(0, 30, 3), 40, 60])
def test_a_storage_that_is_lost_and_comes_back(after: int) -> None:
    space, storage = ModuleSpace(build_model), Lost()
    scorer = Scorer(["params"], Excitation((4,)), device="cpu")
    random = optuna.samplers.RandomSampler(seed=0)

    def objective(trial: optuna.Trial) -> float:
        network = build_model(trial)
        if trial.should_prune():
            raise optuna.TrialPruned
        return float(sum(p.numel() for p in network.parameters()))

    study = optuna.create_study(
        storage=storage,
        direction="maximize",
        sampler=ZeroCostSampler(random, space, scorer, candidates=3),
        pruner=ZeroCostPruner(None, space, scorer, reference_size=4),
    )
    storage.left = after
    with suppress(StorageInternalError), lost_in_optuna():
        study.optimize(objective, n_trials=3)
    storage.left = None
    ended = {t.number: (t.state, t.value) for t in study.trials if t.state.is_finished()}
    study.optimize(objective, n_trials=4)
    assert [t.number for t in study.trials] == [*range(len(study.trials))]
    assert sum(t.state in (TrialState.COMPLETE, TrialState.PRUNED) for t in study.trials[-4:]) == 4
    for trial in study.trials:
        if trial.number in ended:
            assert (trial.state, trial.value) == ended[trial.number]
        if trial.state == TrialState.COMPLETE:
            # Scores of another trial's network would be those of a state that had stuck.
            assert trial.user_attrs["zc_params"] == trial.value


# Clocks


@pytest.mark.parametrize("file", FILES)
def test_no_duration_is_taken_from_a_clock_that_may_jump(file: str) -> None:
    called = {ast.unparse(call.func) for call in calls(TREES[file])}
    assert not called & {"time.time", "datetime.now", "datetime.datetime.now"}
