"""What a reader needs to repeat a measurement."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import optuna
import scipy
import torch

import zc_plugins


def provenance() -> dict[str, Any]:
    """Command, versions and machine."""
    # The last digits depend on it.
    rounding = torch.backends.cpu.get_cpu_capability()
    module = sys.modules["__main__"].__spec__
    name = f"-m {module.name}" if module else sys.argv[0]
    return {
        "command": f"python {name} {shlex.join(sys.argv[1:])}".strip(),
        "zc_plugins": zc_plugins.__version__,
        "commit": commit(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "optuna": optuna.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {platform.system()}, CPU, {rounding}",
    }


def commit() -> str:
    """Of the working tree, with a ``+`` where other files than results were changed since.

    Empty outside of git.
    """
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":!results")
    return _git("rev-parse", "--short=9", "HEAD") + ("+" if changed else "")


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
