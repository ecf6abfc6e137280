"""Workers of a study that are killed at random moments; in full as ``benchmarks.faults``."""

from __future__ import annotations

import os
import sys

import pytest

from tests.benchmarks.test_commands import printed

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the workers are forked")

NEVER = (
    "lost", "missing_numbers", "doubled", "wrong_values", "cache_rows_wrong",
    "cache_rows_not_read", "wrong_scores",
)  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_nothing_is_lost_or_doubled_or_wrong() -> None:
    """With Journal storage: on SQLite, two of Optuna's workers may take up one trial."""
    found = printed("benchmarks.faults", "--kills", "10", "--storage", "journal", "--json")
    assert {name: found[name] for name in NEVER} == dict.fromkeys(NEVER, 0)
    assert found["workers_that_ended_by_themselves"] == []
    assert found["cache_file"] == "ok"
    # Otherwise the zeros would say nothing.
    assert found["trials_with_scores"] >= 4
    assert found["cache_rows"] > 20
    # A kill takes one trial at most.
    assert found["states"].get("RUNNING", 0) + found["states"].get("FAIL", 0) <= 10
