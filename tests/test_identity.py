"""Functions that differ are told apart; the same function is itself in every process."""

from __future__ import annotations

import argparse
import functools
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from zc_plugins._identity import fingerprint, identity


def with_default(width: int) -> Callable[[Any], Any]:
    return lambda trial, w=width: w


def capturing(width: Any) -> Callable[[Any], Any]:
    return lambda trial: width


@dataclass
class Builder:
    width: int

    def __call__(self, trial: Any) -> int:
        return self.width

    def build(self, trial: Any) -> int:
        return self.width


@dataclass(frozen=True)
class Config:
    width: int


def bound(trial: Any, config: Any) -> Any:
    return config


MAKERS: dict[str, Callable[[int], Any]] = {
    "default": with_default,
    "closure": capturing,
    "callable object": Builder,
    "bound method": lambda width: Builder(width).build,
    "partial with a dict": lambda width: functools.partial(bound, config={"width": width}),
    "captured list": lambda width: capturing([1, [width]]),
    "captured dataclass": lambda width: capturing(Config(width)),
    "captured namespace": lambda width: capturing(argparse.Namespace(width=width)),
    "captured array": lambda width: capturing(np.full(3, width)),
    "captured tensor": lambda width: capturing(torch.full((3,), width, dtype=torch.bfloat16)),
    "captured function": lambda width: capturing(with_default(width)),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_values_tell_builders_apart(make: Callable[[int], Any]) -> None:
    assert identity(make(4)) == identity(make(4))
    assert identity(make(4)) != identity(make(64))


def test_code_tells_builders_apart() -> None:
    one, other = (lambda trial: trial + 1), (lambda trial: trial - 1)
    assert identity(one) != identity(other)


def test_recursive_and_unbound_captures() -> None:
    def again(trial: Any) -> Any:
        return again(trial) if trial else later

    assert "itself" in identity(again)
    later = 1
    assert identity(again)


def test_values_that_only_have_a_type() -> None:
    assert fingerprint(object()) == "object"


def test_the_same_in_every_process() -> None:
    """Sets of constants have another order under another hash seed."""
    program = (
        "from zc_plugins._identity import identity\n"
        "def build(trial, kinds=frozenset({'a', 'b', 'c', 'd'})):\n"
        "    return trial in {'relu', 'gelu', 'tanh', 'silu'}\n"
        "print(identity(build))"
    )
    names = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (1, 2, 3)
    }
    assert len(names) == 1
