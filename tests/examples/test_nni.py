"""The examples for NNI, at their smallest, each in a process and a home of its own."""

from __future__ import annotations

import ast
import os
import re
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
    assert "zc_plugins._" not in text


def test_nas(tmp_path: Path) -> None:
    text = printed(EXAMPLES / "nni_nas.py", tmp_path / "home", "--trainings", "2")
    head, *rows = text.splitlines()[-3:]
    assert head == "validation accuracies, best first:"
    assert [row.split()[0] for row in rows] == ["RegularizedEvolution", "ZeroCostStrategy"]
    for row in rows:
        accuracies = [float(share.rstrip("%")) for share in row.split()[1:]]
        assert len(accuracies) == 2
        assert accuracies == sorted(accuracies, reverse=True)
        assert 20 < accuracies[0] <= 100


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
