"""Small searches, to hand over what they find."""

from __future__ import annotations

import functools
from typing import Any

from torch import nn

from tests.search.chains import Chains
from zc_plugins import Budget, Excitation, ModuleSpace, Scorer, recipes
from zc_plugins.search import FrontEvolution, RandomSearch, SearchResult, search
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.spaces.stages import Stages

IMAGES = (3, 8, 8)
TINY = (
    "SuperConvK3BNRELU(3,8,1,1)SuperResIDWE1K3(8,8,2,8,1)SuperResIDWE1K3(8,16,2,8,1)"
    "SuperConvK1BNRELU(16,32,1,1)"
)


@functools.cache
def of_stages() -> SearchResult:
    space = Stages(TINY, classes=7, max_channels=32)
    budget = Budget(IMAGES, params=20_000, flops=200_000)
    scorer = recipes.zen_nas(IMAGES, device="cpu", batch_size=4)
    return search(space, scorer, budget, scored_in=space.plain, candidates=12)


@functools.cache
def of_cells() -> SearchResult:
    scorer = recipes.az_nas(IMAGES, device="cpu", batch_size=4)
    return search(NasBench201(4, 1), scorer, candidates=9)


@functools.cache
def of_a_front() -> SearchResult:
    scorer = Scorer(["l2_norm"], Excitation((4,)), device="cpu")
    by = FrontEvolution("flops", founders=4)
    return search(Chains(), scorer, Budget((4,), flops=90), by=by, candidates=30)


@functools.cache
def with_dead_networks() -> SearchResult:
    scorer = Scorer(["jacov"], Excitation((4,), batch_size=4), device="cpu")
    return search(Chains(), scorer, by=RandomSearch(), candidates=30)


def build_model(trial: Any) -> nn.Module:
    width = trial.suggest_int("width", 2, 16)
    return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 3))


@functools.cache
def of_a_builder() -> SearchResult:
    scorer = Scorer(["params"], Excitation((4,)), device="cpu")
    return search(ModuleSpace(build_model), scorer, by=RandomSearch(), candidates=5)
