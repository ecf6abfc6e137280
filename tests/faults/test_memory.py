"""Out of memory: the candidate fails with a note, the others do not, and nothing stays behind."""

from __future__ import annotations

import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zc_plugins import Excitation, Scorer
from zc_plugins.proxies import SHELF, Proxy

ROOT = Path(__file__).parents[2]

_LIMITED = """
import resource, sys, warnings
import torch
from torch import nn
from zc_plugins import Excitation, ModuleSpace, Scorer
from zc_plugins.cache import ScoreCache
from zc_plugins.spaces.module import Suggestions
torch.set_num_threads(1)

class Wide(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.width, self.layer = width, nn.Linear(4, 3)
    def forward(self, x):
        return self.layer(x).repeat(1, self.width)

def build(trial):
    return Wide(trial.suggest_int("width", 1, 10**9))

pool = [Suggestions.of({"width": width}) for width in (2, 10**8, 3)]
shape = Excitation((4,), batch_size=8)
scorer = Scorer(["params", "jacov"], shape, device="cpu", cache=sys.argv[1])
scorer.score(pool[:1], space=ModuleSpace(build), workers=1)
with open("/proc/self/statm") as file:
    now = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 2**30, now + 2**30))
table = scorer.score(pool, space=ModuleSpace(build), workers=1)
print(table.scored.tolist(), sorted(table.notes[1]), len(ScoreCache(sys.argv[1])))
print(table.notes[1]["jacov"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no limit of the address space")
def test_a_network_that_is_too_large_for_the_memory(tmp_path: Path) -> None:
    """Really: its output of 10 GB is refused by the system; what needs no pass is still scored."""
    command = [sys.executable, "-c", _LIMITED, str(tmp_path / "scores.sqlite3")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told, note = done.stdout.splitlines()[:2]
    # The failed row is not kept: another time there may be more.
    assert told == "[True, False, True] ['jacov'] 2"
    assert "memory" in note


HELD: list[weakref.ref[Tensor]] = []


def starved(evidence: Any) -> Tensor:
    """A measure that takes much and then does not get the rest."""
    taken = torch.ones(1000)
    HELD.append(weakref.ref(taken))
    raise torch.OutOfMemoryError("CUDA out of memory")


def watching(evidence: Any) -> Tensor:
    """Of a probe that comes later: 1 for each tensor that an earlier one still holds."""
    return torch.tensor(float(sum(held() is not None for held in HELD)))


@pytest.mark.parametrize("first", ["jacov", "synflow", "naswot"])
@pytest.mark.parametrize("second", ["params", "synflow", "l2_norm", "ntk_condition"])
def test_a_probe_that_lacks_memory_leaves_it_to_the_next(first: str, second: str) -> None:
    HELD.clear()
    proxies: list[Proxy] = [
        replace(SHELF[first], name="starved", measure=starved),
        replace(
            SHELF[second], name="watching", measure=watching, layer_score=float, reduce=max,
            combine=None,
        ),
    ]  # fmt: skip
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5))
    table = Scorer(proxies, Excitation((3, 8, 8), batch_size=4), device="cpu").score([network])
    assert table.notes[0]["starved"] == "OutOfMemoryError: CUDA out of memory"
    assert HELD
    assert not any(held() is not None for held in HELD)
    if SHELF[first].reads != SHELF[second].reads:
        assert table.column("watching")[0] == 0


def test_an_error_that_is_its_own_cause_is_one_note() -> None:
    class Odd(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            error = ValueError("odd")
            raise error from error

    table = Scorer(["naswot"], Excitation((4,)), device="cpu").score([Odd(4, 2)])
    assert "odd" in table.notes[0]["naswot"]
