"""The comparison of two devices finds no difference where both are the CPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import accelerator

ROOT = Path(__file__).parents[2]


def test_parity_of_the_cpu_with_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = {name: accelerator.SHELF[name] for name in ("expressivity", "zico", "synflow")}
    monkeypatch.setattr(accelerator, "SHELF", shelf)
    rows = list(accelerator.parity(torch.device("cpu"), ["nasbench201"], 2, seed=0))
    assert [row["proxy"] for row in rows] == list(shelf)
    for row in rows:
        assert (row["same_failures"], row["difference"], row["z"]) == (True, 0.0, 0.0)
        assert row["scored"] == 2


def test_ranking_of_the_cpu_with_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerator, "ALL", ("expressivity", "naswot"))
    monkeypatch.setitem(accelerator.FULL, "nasbench201", accelerator.SPACES["nasbench201"])
    rows = list(accelerator.ranking(torch.device("cpu"), 4, seed=0))
    assert all(row["tau_cpu_accelerator"] == 1 for row in rows)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a device")
def test_without_a_device() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.accelerator"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "no CUDA device here" in done.stderr
