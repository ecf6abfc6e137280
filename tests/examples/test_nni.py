"""The examples for NNI, at their smallest, each in a process and a home of its own."""

from __future__ import annotations

import ast
import os
import re
import runpy
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import EXAMPLES

pytest.importorskip("nni", reason="nni is not installed: pip install -e '.[nni]'")


def printed(script: Path, home: Path, *options: str) -> str:
    """What a script prints, which has to end by itself."""
    home.mkdir()
    done = subprocess.run(
        [sys.executable, script, *options],
        cwd=home,
        env={**os.environ, "CI": "1", "HOME": str(home), "PYTHONPATH": str(EXAMPLES.parent)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def free_port() -> str:
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return str(found.getsockname()[1])


@pytest.mark.parametrize("name", ["nni_nas.py", "nni_hpo/search.py"])
def test_begins_with_what_the_reader_will_see(name: str) -> None:
    text = (EXAMPLES / name).read_text()
    assert (ast.get_docstring(ast.parse(text)) or "").startswith("You will see")


@pytest.mark.parametrize(
    "name", ["nni_nas.py", "nni_digits.py", "nni_hpo/search.py", "nni_hpo/trial.py"]
)
def test_is_short_and_of_public_names(name: str) -> None:
    text = (EXAMPLES / name).read_text()
    assert text.count("\n") < (60 if name == "nni_hpo/trial.py" else 40)
    assert "zc_plugins._" not in text


@pytest.mark.parametrize("engine", ["sequential", pytest.param("ts", marks=pytest.mark.slow)])
def test_nas(tmp_path: Path, engine: str) -> None:
    options = ("--trainings", "2", "--engine", engine, "--port", free_port())
    text = printed(EXAMPLES / "nni_nas.py", tmp_path / "home", *options)
    head, *rows = text.splitlines()[-3:]
    assert head == "validation accuracies, best first:"
    assert [row.split()[0] for row in rows] == ["RegularizedEvolution", "ZeroCostStrategy"]
    for row in rows:
        accuracies = [float(share.rstrip("%")) for share in row.split()[1:]]
        assert len(accuracies) == 2
        assert accuracies == sorted(accuracies, reverse=True)
        assert 20 < accuracies[0] <= 100


def test_nas_stops_what_it_started(monkeypatch: pytest.MonkeyPatch) -> None:
    made = runpy.run_path(str(EXAMPLES / "nni_nas.py"))
    experiment, strategy = made["NasExperiment"], made["RegularizedEvolution"]()
    stopped: list[object] = []

    def run(self: object, port: int) -> None:
        raise RuntimeError("the port is taken")

    def stop(self: object) -> None:
        stopped.append(self)

    monkeypatch.setattr(experiment, "run", run)
    monkeypatch.setattr(experiment, "stop", stop)
    with pytest.raises(RuntimeError, match="the port is taken"):
        made["search"](strategy, "sequential", 1, 1)
    assert len(stopped) == 1


@pytest.mark.slow
def test_hpo(tmp_path: Path) -> None:
    folder = tmp_path / "nni_hpo"
    shutil.copytree(EXAMPLES / "nni_hpo", folder, ignore=shutil.ignore_patterns("reference.json"))
    text = printed(folder / "search.py", tmp_path / "home", "--trials", "2", "--port", free_port())
    head, *rows = text.splitlines()[-3:]
    assert head.split() == ["beats", "accuracy", "parameters"]
    for row in rows:
        assert re.fullmatch(r" *\d+% +(USER_CANCELED|\d+\.\d%)  {'depth': .*}", row), row
    assert (folder / "reference.json").exists()
