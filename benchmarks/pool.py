"""Scores of NAS-Bench-201 cells from several processes of one thread each."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from zc_plugins import recipes
from zc_plugins._progress import progress
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces.nasbench201 import NasBench201

RESOLUTION = {"cifar10": 32, "cifar100": 32, "imagenet16-120": 16}
CLASSES = {"cifar10": 10, "cifar100": 100, "imagenet16-120": 120}


@dataclass(frozen=True)
class Setting:
    """How cells are scored.

    Attributes:
        recipe: name in ``zc_plugins.recipes``.
        dataset: fixes the resolution and the number of classes.
        batch_size: samples of noise.
        seed: of weights, inputs and signs.
    """

    recipe: str
    dataset: str
    batch_size: int
    seed: int

    def scorer(self) -> Scorer:
        """The scorer of this setting."""
        side = RESOLUTION[self.dataset]
        make: Any = getattr(recipes, self.recipe)
        scorer: Scorer = make(
            (3, side, side), batch_size=self.batch_size, seed=self.seed, device="cpu"
        )
        return scorer

    def space(self) -> NasBench201:
        """The benchmark's network for this dataset."""
        return NasBench201(classes=CLASSES[self.dataset])


_worker: dict[str, Any] = {}


def _start(setting: Setting) -> None:
    torch.set_num_threads(1)
    _worker["scorer"], _worker["space"] = setting.scorer(), setting.space()


def _score(architecture: str) -> ScoreTable:
    space: NasBench201 = _worker["space"]
    scorer: Scorer = _worker["scorer"]
    return scorer.score([space.decode(architecture)], space=space, show_progress=False)


def scored(architectures: Sequence[str], setting: Setting, processes: int) -> ScoreTable:
    """The table of the cells, in their order; the same for any number of processes."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _start, (setting,)) as pool:
        rows = list(
            progress(
                pool.imap(_score, architectures, chunksize=1),
                total=len(architectures),
                description="scoring",
            )
        )
    return ScoreTable(
        list(architectures),
        np.concatenate([row.values for row in rows]),
        rows[0].proxies,
        rows[0].higher_is_better,
        seconds=np.concatenate([row.seconds for row in rows]),
        notes=[row.notes[0] for row in rows],
        degenerate=[row.degenerate[0] for row in rows],
    )
