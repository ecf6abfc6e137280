"""Threads of linear algebra while a network is scored, and afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from threadpoolctl import ThreadpoolController
from torch import nn

from zc_plugins import Excitation, Scorer
from zc_plugins._threads import one_blas_thread

LIBRARIES = ThreadpoolController().select(prefix="libscipy_openblas")


def numbers() -> set[int]:
    return {library["num_threads"] for library in LIBRARIES.info()}


@pytest.fixture(autouse=True)
def _three_threads() -> Iterator[None]:
    if not LIBRARIES.info():
        pytest.skip("numpy and scipy bring no OpenBLAS of their own here")
    with LIBRARIES.limit(limits=3):
        yield


def test_a_network_is_scored_on_one() -> None:
    seen = []

    def built() -> nn.Module:
        seen.append(numbers())
        return nn.Linear(4, 2)

    def broken() -> nn.Module:
        raise ValueError("no network")

    table = Scorer(["params"], Excitation((4,)), device="cpu").score([built, broken], workers=1)
    assert table.scored.tolist() == [True, False]
    assert seen == [{1}]
    assert numbers() == {3}


def test_threads_that_overlap_restore_what_the_first_found() -> None:
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with one_blas_thread():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with one_blas_thread():
        thread.start()
        assert inside.wait(10)
        assert numbers() == {1}
    leave.set()
    thread.join()
    assert numbers() == {3}
