"""Scores of a population from several processes of one thread each."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchmarks.populations import POPULATIONS
from zc_plugins import Excitation, recipes
from zc_plugins._progress import progress
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces import SearchSpace


@dataclass(frozen=True)
class Setting:
    """How architectures are scored.

    Attributes:
        proxies: names on the shelf.
        population: key of ``POPULATIONS``.
        batch_size: samples of noise.
        seed: of weights, inputs, labels and signs.
        repeats: draws of them, averaged.
        initialisation: the population's own where None.
    """

    proxies: tuple[str, ...]
    population: str
    batch_size: int
    seed: int
    repeats: int = 1
    initialisation: Any = None

    @staticmethod
    def of(recipe: str, population: str, batch_size: int, seed: int) -> Setting:
        """The setting of a recipe of ``zc_plugins.recipes``, but for the batch size."""
        scorer = made(recipe)
        return Setting(
            tuple(proxy.name for proxy in scorer.proxies),
            population,
            batch_size,
            seed,
            scorer.excitation.repeats,
            scorer.excitation.initialisation,
        )

    def scorer(self) -> Scorer:
        """The scorer of this setting."""
        population: Any = POPULATIONS[self.population]
        excitation = Excitation(
            population.input_shape,
            batch_size=self.batch_size,
            repeats=self.repeats,
            initialisation=self.initialisation or population.initialisation,
        )
        return Scorer(self.proxies, excitation, seed=self.seed, device="cpu")

    def space(self) -> SearchSpace[Any]:
        """The population's networks."""
        return POPULATIONS[self.population].space


def made(recipe: str) -> Scorer:
    """The recipe's scorer, for its proxies and its ensemble."""
    make: Any = getattr(recipes, recipe)
    scorer: Scorer = make((3, 32, 32), device="cpu")
    return scorer


_worker: dict[str, Any] = {}


def _start(setting: Setting) -> None:
    torch.set_num_threads(1)
    _worker["scorer"], _worker["space"] = setting.scorer(), setting.space()


def _score(architecture: str) -> ScoreTable:
    space: SearchSpace[Any] = _worker["space"]
    scorer: Scorer = _worker["scorer"]
    return scorer.score([space.decode(architecture)], space=space, show_progress=False)


def scored(architectures: Sequence[str], setting: Setting, processes: int) -> ScoreTable:
    """The table of the architectures, in their order; the same for any number of processes.

    Architectures that compute the same are scored once.
    """
    space = setting.space()
    keys = [space.encode(space.canonical(space.decode(a))) for a in architectures]
    different = list(dict.fromkeys(keys))
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _start, (setting,)) as pool:
        found = progress(
            pool.imap(_score, different, chunksize=1), total=len(different), description="scoring"
        )
        by_key = dict(zip(different, found, strict=True))
    rows = [by_key[key] for key in keys]
    return ScoreTable(
        list(architectures),
        np.concatenate([row.values for row in rows]),
        rows[0].proxies,
        rows[0].higher_is_better,
        seconds=np.concatenate([row.seconds for row in rows]),
        notes=[row.notes[0] for row in rows],
        degenerate=[row.degenerate[0] for row in rows],
    )
