"""The examples as a user runs them: their folder is on the path."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="package", autouse=True)
def on_the_path() -> Iterator[None]:
    verbosity = optuna.logging.get_verbosity()
    sys.path.insert(0, str(EXAMPLES))
    yield
    sys.path.remove(str(EXAMPLES))
    optuna.logging.set_verbosity(verbosity)
