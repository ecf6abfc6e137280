"""Workers of a study that are killed at random moments; in full as ``benchmarks.faults``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks import faults
from tests.benchmarks.test_commands import apart, printed

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the workers are forked")

NEVER = (
    "lost", "missing_numbers", "doubled", "wrong_values", "cache_rows_wrong",
    "cache_rows_not_read", "wrong_scores",
)  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_nothing_is_lost_or_doubled_or_wrong() -> None:
    """With Journal storage: on SQLite, two of Optuna's workers may take up one trial."""
    found = printed(
        "benchmarks.faults", "--kills", "10", "--storage", "journal", "--json", run=apart
    )
    assert {name: found[name] for name in NEVER} == dict.fromkeys(NEVER, 0)
    assert found["workers_that_ended_by_themselves"] == []
    assert found["cache_file"] == "ok"
    # Otherwise the zeros would say nothing.
    assert found["trials_with_scores"] >= 4
    assert found["cache_rows"] > 20
    # A kill takes one trial at most.
    assert found["states"].get("RUNNING", 0) + found["states"].get("FAIL", 0) <= 10


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
@pytest.mark.filterwarnings("ignore:The value of `grace_period`:UserWarning")
def test_workers_that_crash_are_not_started_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def forked(folder: Path, kind: str, number: int, *, way: str) -> int:
        (folder / f"errors_{number}").write_text("no module")
        crash = [sys.executable, "-ISc", "raise SystemExit(1)"]
        started.append(os.posix_spawn(sys.executable, crash, os.environ))
        return started[-1]

    monkeypatch.setattr(faults, "forked", forked)
    with pytest.raises(RuntimeError, match="3 workers ended by themselves: no module"):
        faults.killed_study(tmp_path, "journal", kills=1000, workers=2, seed=0)
    for process in started:
        with pytest.raises(ChildProcessError):
            os.waitpid(process, os.WNOHANG)
