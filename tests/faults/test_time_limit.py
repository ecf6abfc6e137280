"""A builder or forward that hangs costs its own candidate only."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.test_cache import narrow, widths
from zc_plugins import Excitation, ModuleSpace, Scorer
from zc_plugins._pristine import pristine
from zc_plugins._scoring.time_limit import time_limit
from zc_plugins.cache import ScoreCache
from zc_plugins.errors import InvalidArgument, TookTooLong

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no SIGALRM")


def hangs() -> nn.Module:
    while True:
        # What a builder that is sure of itself does.
        with suppress(Exception):
            time.sleep(60)


class HangsInForward(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        while True:
            time.sleep(0.01)


def scorer(limit: float | None = 0.5, **settings: Any) -> Scorer:
    return Scorer(
        ["params", "l2_norm"], Excitation((4,)), device="cpu", time_limit=limit, **settings
    )


@pytest.fixture(autouse=True)
def no_alarm_is_left() -> Iterator[None]:
    before = signal.getsignal(signal.SIGALRM)
    yield
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_only_the_one_that_hangs_is_lost(workers: int) -> None:
    pool: list[Callable[[], nn.Module]] = [
        lambda: nn.Linear(4, 2), hangs, lambda: HangsInForward(4, 2), lambda: nn.Linear(4, 3),
    ]  # fmt: skip
    own = Scorer(["params", "jacov"], Excitation((4,)), device="cpu")
    own.score([pool[0]], workers=1)
    # A fresh process needs seconds for its first forward.
    own.time_limit = 2.0 if workers == 1 else 8.0
    state = torch.random.get_rng_state()
    table = own.score(pool, workers=workers)
    assert np.isfinite(table.column("params")[[0, 3]]).all()
    assert np.isnan(table.values[1:3]).all()
    for place in (1, 2):
        assert table.notes[place]["params"].startswith("TookTooLong: building and scoring took")
    assert torch.equal(torch.random.get_rng_state(), state)


def test_it_is_scored_again_another_time(tmp_path: Path) -> None:
    slow = True

    def build(trial: Any) -> nn.Module:
        if slow:
            time.sleep(60)
        return narrow(trial)

    with ScoreCache(tmp_path / "scores.sqlite3") as cache:
        space = ModuleSpace(build, "slow")
        assert not scorer(cache=cache).score(widths(1), space=space).scored.any()
        assert len(cache) == 0
        slow = False
        assert scorer(cache=cache).score(widths(1), space=space).scored.all()
        # No number depends on the limit.
        again = scorer(None, cache=cache)
        assert again.score(widths(1), space=space).scored.all()
        assert again.scored == 0


def test_an_alarm_of_the_user_goes_on() -> None:
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(time.monotonic()))
    signal.setitimer(signal.ITIMER_REAL, 3)
    try:
        with pytest.raises(TookTooLong), time_limit(0.1):
            time.sleep(60)
        assert not rung
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 3
        while not rung:
            time.sleep(0.01)
    finally:
        signal.signal(signal.SIGALRM, before)


def within(seconds: float, work: Callable[[], None]) -> None:
    with time_limit(seconds):
        work()


def test_no_second_alarm_interrupts_the_clean_up() -> None:
    done = []

    def work() -> None:
        try:
            time.sleep(60)
        finally:
            try:
                raise KeyError
            except KeyError:
                time.sleep(0.3)
            time.sleep(0.3)
            done.append(True)

    with pytest.raises(TookTooLong):
        within(0.05, work)
    assert done


def test_a_clean_up_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zc_plugins._scoring.time_limit._GRACE_SECONDS", 0.2)

    def work() -> None:
        try:
            time.sleep(60)
        finally:
            time.sleep(60)

    with pytest.raises(TookTooLong):
        within(0.05, work)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_alarm_that_is_dropped_rings_again() -> None:
    class SlowToDelete:
        def __del__(self) -> None:
            time.sleep(0.2)

    def work() -> None:
        SlowToDelete()
        time.sleep(60)

    with pytest.raises(TookTooLong):
        within(0.1, work)


def test_other_threads_are_told_that_there_is_none() -> None:
    tables = []

    def run() -> None:
        with pytest.warns(RuntimeWarning, match="does not hold outside of the main thread"):
            tables.append(scorer().score([nn.Linear(4, 2)]))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert tables[0].scored.all()


@pytest.mark.parametrize("limit", [0, -1.0, float("nan"), float("inf")])
def test_limits_that_are_none(limit: float) -> None:
    with pytest.raises(InvalidArgument, match="pass positive seconds"):
        scorer(limit)


class SlowlyPutBack(dict[str, Any]):
    def update(self, *entries: Any, **more: Any) -> None:
        end = time.monotonic() + 0.4
        while time.monotonic() < end:
            time.sleep(0.01)
        super().update(*entries, **more)


def test_a_network_gets_all_of_its_weights_back() -> None:
    """Also where the time is over meanwhile."""
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2))
    norm: Any = model[0]
    norm._buffers = SlowlyPutBack(norm._buffers)
    wanted = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    given = [p.data_ptr() for p in model.parameters()]
    with suppress(TookTooLong), time_limit(0.2), pristine(model, seed=0):
        for tensor in model.state_dict().values():
            tensor.zero_()
    assert [p.data_ptr() for p in model.parameters()] == given
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, wanted[name])
