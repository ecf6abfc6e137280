"""Every Python snippet of the README runs, in order, on small networks; its files exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)

SMALLER = {
    "(3, 32, 32)": "(3, 8, 8)",
    "n_trials=50": "n_trials=2",
    "pool=200": "pool=6",
    "reference_size=200": "reference_size=6",
}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(verbosity)


def made_smaller(snippet: str) -> str:
    for written, smaller in SMALLER.items():
        snippet = snippet.replace(written, smaller)
    return snippet


def test_snippets() -> None:
    assert len(SNIPPETS) >= 7
    # An accuracy that is not the same for all.
    names: dict[str, Any] = {"train_and_validate": lambda model, learning_rate: learning_rate}
    for snippet in map(made_smaller, SNIPPETS):
        exec(compile(snippet, "README.md", "exec"), names)
        if "n_trials" in snippet:
            states = {trial.state.name for trial in names["study"].trials}
            assert states <= {"COMPLETE", "PRUNED", "WAITING"}
            assert any(
                name.startswith("zc_") for t in names["study"].trials for name in t.user_attrs
            )


def test_sizes_are_made_smaller() -> None:
    for written in SMALLER:
        assert any(written in snippet for snippet in SNIPPETS), written


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", (ROOT / page).read_text()):
        if not target.startswith("http"):
            assert (ROOT / target.split("#")[0]).exists(), target
