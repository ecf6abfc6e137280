"""Optuna's own suite for third-party samplers, in full, over five base samplers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)

from zc_plugins.optuna import FilterThenTrainSampler, ZeroCostSampler

from .builders import build_mlp, size_scorer

pytestmark = pytest.mark.filterwarnings(
    "ignore::optuna.exceptions.ExperimentalWarning", "ignore:.*CmaEsSampler.*:UserWarning"
)


def screened(make_base: Callable[[], BaseSampler]) -> Callable[[], BaseSampler]:
    def make() -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return ZeroCostSampler(
                make_base(), build_mlp, size_scorer(), candidates=3, half_life=None
            )

    return make


class TestRandom(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Any:
        return screened(RandomSampler)


class TestTPE(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Any:
        return screened(lambda: TPESampler(n_startup_trials=0))


class TestNSGAII(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Any:
        return screened(lambda: NSGAIISampler(population_size=2))


class TestCmaEs(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Any:
        return screened(lambda: CmaEsSampler(n_startup_trials=0))


class TestQMC(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Any:
        return screened(QMCSampler)


class TestFilterThenTrain(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    """Its space is not the suite's, so the other sampler answers."""

    @pytest.fixture
    def sampler(self) -> Any:
        return lambda: FilterThenTrainSampler(
            build_mlp, size_scorer(), pool=8, others=RandomSampler()
        )
