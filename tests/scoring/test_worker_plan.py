"""Whether workers are hired, and on which devices."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch

from zc_plugins._scoring.worker_plan import FEWEST, Plan

CPU = torch.device("cpu")


def plan(
    seconds: list[float], monkeypatch: pytest.MonkeyPatch, cores: int = 4, threads: int = 1
) -> Plan:
    monkeypatch.setattr("loky.cpu_count", lambda: cores)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    made = Plan("auto", CPU)
    for each in seconds:
        made.saw(each)
    return made


@pytest.mark.parametrize(
    ("seconds", "left", "cores", "threads", "pays"),
    [
        ([9.0, 1.0], 100, 4, 1, True),
        ([9.0, 0.01], 100, 4, 1, False),  # the first one only warms up
        ([9.0], 100, 4, 1, False),
        ([9.0, 1.0], 100, 1, 1, False),
        ([9.0, 0.35], 100, 2, 1, True),
        ([9.0, 0.35], 100, 2, 2, False),  # two threads use both cores already
        ([9.0, 99.0], FEWEST - 1, 4, 1, False),
        ([9.0, 0.003], 100_000, 64, 1, False),  # the way to the worker takes as long
    ],
)
def test_when_workers_pay(
    seconds: list[float], left: int, cores: int, threads: int, pays: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert plan(seconds, monkeypatch, cores, threads).pays(left) is pays


def test_a_samplers_pool_stays_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not plan([99.0] * 8, monkeypatch).pays(8)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "loky", None)
    made = Plan("auto", CPU)
    made.saw(99.0)
    made.saw(99.0)
    assert not made.pays(100)


@pytest.mark.parametrize(
    ("device", "workers", "there", "devices"),
    [
        ("cuda", "auto", 2, ["cuda:0", "cuda:1"]),
        ("cuda", "auto", 1, ["cuda"]),
        ("cuda", 3, 2, ["cuda:0", "cuda:1", "cuda:0"]),
        ("cuda:1", "auto", 2, ["cuda:1"]),
        ("cuda:1", 2, 4, ["cuda:1", "cuda:1"]),
        ("meta", "auto", 0, ["meta"]),
        ("cpu", 2, 0, ["cpu", "cpu"]),
    ],
)
def test_one_worker_an_accelerator(
    device: str, workers: Any, there: int, devices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: there)
    assert Plan(workers, torch.device(device)).devices == devices
