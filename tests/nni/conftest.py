"""Experiments of NNI that leave nothing behind."""

from __future__ import annotations

import atexit
import importlib.util
import os
import signal
import socket
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
REASON = "nni is not installed: pip install -e '.[nni]'"


class _Skipped(pytest.Module):
    def collect(self) -> Any:
        pytest.skip(REASON, allow_module_level=True)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: Any) -> Generator[None, Any, Any]:
    """Skip the files of this folder, their doctests too, where NNI is missing."""
    collected = yield
    here = file_path.parent == Path(__file__).parent and file_path.stem != "test_missing"
    if here and collected and importlib.util.find_spec("nni") is None:
        return [_Skipped.from_parent(parent, path=file_path)]
    return collected


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """NNI leaves the socket open with which it looks whether a port is free."""
    for item in items:
        if "nni_home" in getattr(item, "fixturenames", ()):
            unclosed = "ignore:.*(unclosed|socket.socket):"
            item.add_marker(pytest.mark.filterwarnings(f"{unclosed}ResourceWarning"))
            unraisable = f"{unclosed}pytest.PytestUnraisableExceptionWarning"
            item.add_marker(pytest.mark.filterwarnings(unraisable))


@pytest.fixture
def port() -> Iterator[int]:
    """A free one, which has to be free again after the test."""
    number = _free(0)
    yield number
    _free(number)


@pytest.fixture
def at_exit(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was registered to be called at exit, and still is."""
    registered: list[Any] = []
    register, unregister = atexit.register, atexit.unregister

    def note(function: Any, *args: Any, **kwargs: Any) -> Any:
        registered.append(function)
        return register(function, *args, **kwargs)

    def forget(function: Any) -> None:
        registered[:] = [each for each in registered if each != function]
        unregister(function)

    monkeypatch.setattr(atexit, "register", note)
    monkeypatch.setattr(atexit, "unregister", forget)
    return registered


@pytest.fixture
def nni_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_exit: list[Any]) -> Iterator[Path]:
    """HOME in a folder of its own, a time limit, and a look at what is left afterwards."""
    import psutil
    from nni.tools.nnictl import config_utils

    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    # NNI took its folder from HOME when it was imported.
    monkeypatch.setattr(
        config_utils.Experiments.__init__, "__defaults__", (str(home / "nni-experiments"),)
    )
    # NNI leaves its log open.
    monkeypatch.setattr("nni.experiment.experiment.stop_experiment_logging", _close_log)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(tmp_path)]))
    before = signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(240)
    yield home
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    left = [p for p in psutil.process_iter(["environ"]) if _is_at(p, home)]
    for process in left:
        process.kill()
    assert not left
    assert not [f for f in at_exit if type(getattr(f, "__self__", None)).__module__[:4] == "nni."]


@pytest.fixture
def run(
    nni_home: Path, tmp_path: Path, port: int, at_exit: list[Any]
) -> Iterator[Callable[..., Any]]:
    """Runs a ``NasExperiment`` to its end, in a working directory of its own.

    ``on="sequential"`` or ``"ts"``; ``id`` resumes an earlier one.
    """
    from nni.nas.experiment import NasExperiment
    from nni.nas.experiment.config import NasExperimentConfig

    started: list[Any] = []

    def experiment(
        space: Any,
        evaluator: Any,
        strategy: Any,
        trials: int = 6,
        *,
        on: str = "sequential",
        id: str | None = None,
        go_on: bool = False,
    ) -> Any:
        config = NasExperimentConfig(on, "simplified", "local")
        config.max_trial_number = trials
        config.trial_concurrency = 1
        config.experiment_working_directory = str(tmp_path / "experiments")
        if on == "sequential":
            config.execution_engine.continue_on_failure = go_on
        made = NasExperiment(space, evaluator, strategy, config=config, id=id)
        started.append(made)
        if id is None:
            made.run(port)
        else:
            made.resume(port)
        return made

    yield experiment
    for made in started:
        if made.stop in at_exit:
            made.stop()


def _close_log(experiment_id: str) -> None:
    from nni.runtime import log

    handler = log._handlers.get(experiment_id)
    log.stop_experiment_logging(experiment_id)
    if handler is not None:
        handler.stream.close()


def _is_at(process: Any, home: Path) -> bool:
    """Whether it was started from here: this process itself had another home at its start."""
    return (process.info["environ"] or {}).get("HOME") == str(home)


def _free(number: int) -> int:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("", number))
        return int(listener.getsockname()[1])


def _give_up(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError("the experiment does not end")
