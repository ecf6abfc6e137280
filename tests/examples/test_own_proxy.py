"""A third party's package puts its proxy on the shelf through the entry-point group."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from .conftest import EXAMPLES

PACKAGE = EXAMPLES / "own_proxy"


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(PACKAGE / "signal_stability.py"), run_name="__main__")
    assert "'signal_stability': -" in capsys.readouterr().out


def test_an_installed_package_is_on_the_shelf(tmp_path: Path) -> None:
    """What pip would write of the package's metadata, and nothing else."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    metadata = tmp_path / f"own_proxy-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    lines = [
        line
        for group, points in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {target}" for name, target in points.items()))
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    paths = [str(tmp_path), str(PACKAGE), str(EXAMPLES.parent)]
    program = (
        "from zc_plugins import Excitation, Scorer\n"
        "from torch import nn\n"
        "network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), "
        "nn.Linear(8, 2))\n"
        "excitation = Excitation((4,), batch_size=4)\n"
        "table = Scorer(['signal_stability', 'naswot'], excitation).score([network])\n"
        "print(table.values[0, 0] < 0, table.notes[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "True {}"
