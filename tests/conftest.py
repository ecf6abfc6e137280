"""Data outside the project, and one torch thread a process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared_file() -> Callable[[str], Path]:
    """Path of a file under one of the folders in ``ZC_PLUGINS_DATA``; skips where it is absent."""

    def find(name: str) -> Path:
        folders = [f for f in os.environ.get("ZC_PLUGINS_DATA", "").split(os.pathsep) if f]
        for folder in folders:
            if (Path(folder) / name).is_file():
                return Path(folder) / name
        where = f"under ZC_PLUGINS_DATA={os.pathsep.join(folders)!r}"
        if os.environ.get("CI") and folders:
            pytest.fail(f"CI needs {name} {where}")
        pytest.skip(f"no {name} {where}")

    return find
