"""The front door: candidates in, a score table out."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

from zc_plugins._identity import fingerprint
from zc_plugins._progress import progress as with_progress
from zc_plugins._seeding import accelerator, seeded
from zc_plugins._shapes import Float, ndarray
from zc_plugins.cache import ScoreCache
from zc_plugins.ensembles import SHELF as ENSEMBLES
from zc_plugins.ensembles import Ensemble
from zc_plugins.errors import (
    InvalidArgument,
    NotAModule,
    ReferenceMismatch,
)
from zc_plugins.probes import SHELF as PROBES
from zc_plugins.probes import Excitation, Measure, readings
from zc_plugins.proxies import SHELF as PROXIES
from zc_plugins.proxies import Proxy
from zc_plugins.proxies._proxy import LayerScores, ScoreRow
from zc_plugins.reference import Calibrated, Reference, sampled
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.module import checked_module


class Scorer:
    """Scores candidates with training-free proxies, each probe once for all proxies that read it.

    A candidate that cannot be built or scored is a row of NaN with the reason in its notes; it
    never stops the others. Scores are remembered by canonical architecture for the life of the
    scorer. Threads may share a scorer; they take turns.

    Args:
        proxies: names on the shelf, or proxies of your own.
        excitation: input shape and how networks are excited.
        ensemble: name on the shelf, or a function, that turns the table into one number each.
        seed: of weights, inputs and signs; the same for all candidates.
        device: where candidates that the scorer builds are put: ``"auto"`` is the accelerator if
            there is one, else the CPU. Networks that are handed in built are scored where they lie.
        cache: path of a file, or a ``ScoreCache``, in which the scores of architectures of a space
            outlive the scorer.

    Attributes:
        cache: as above; may be set later, on the scorer of a recipe.
        scored: networks scored so far; what is remembered does not count again.
        seconds: wall time spent on building and scoring them.

    Raises:
        UnknownProxy: with the nearest names.
        InvalidArgument: without proxies.

    Example:
        >>> from torch import nn
        >>> scorer = Scorer(["params"], Excitation(input_shape=(4,)))
        >>> scorer.score([nn.Linear(4, 2), nn.Linear(4, 8)]).values
        array([[10.],
               [40.]])
    """

    def __init__(
        self,
        proxies: Sequence[str | Proxy],
        excitation: Excitation,
        *,
        ensemble: str | Ensemble = "az_rank",
        seed: int = 0,
        device: str | torch.device = "auto",
        cache: str | os.PathLike[str] | ScoreCache | None = None,
    ) -> None:
        chosen = [PROXIES[p] if isinstance(p, str) else p for p in proxies]
        if not chosen or len({p.name for p in chosen}) < len(chosen):
            raise InvalidArgument(
                f"proxies={[p.name for p in chosen]}: pass one or more, each once"
            )
        self.proxies = tuple(chosen)
        self.excitation = excitation
        self.ensemble = ENSEMBLES[ensemble] if isinstance(ensemble, str) else ensemble
        self.seed = seed
        self.device = _resolved(device)
        self.cache = ScoreCache(cache) if isinstance(cache, (str, os.PathLike)) else cache
        self.scored, self.seconds = 0, 0.0
        self._remembered: dict[tuple[str, str], ScoreRow] = {}
        self._turn = threading.RLock()

    @cached_property
    def settings(self) -> str:
        """Fingerprint of all that a table depends on besides the architectures, taken once."""
        content = fingerprint((self.proxies, self.seed, self.device.type, self.excitation))
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def score(
        self,
        pool: Iterable[Any],
        *,
        space: SearchSpace[Any] | None = None,
        show_progress: bool | None = None,
    ) -> ScoreTable:
        """The table of all candidates of the pool, in its order.

        Args:
            pool: architectures of ``space``; without a space, networks or functions that build one.
            space: builds the architectures, and tells which of them are the same.
            show_progress: None shows a bar on a terminal outside CI.

        Raises:
            NotAModule: if an item of a pool without space is neither a network nor a function.
        """
        candidates = [_Candidate.of(item, place, space) for place, item in enumerate(pool)]
        rows, seconds = [], np.zeros(len(candidates))
        bar = with_progress(
            candidates, total=len(candidates), description="scoring", show=show_progress
        )
        for place, candidate in enumerate(bar):
            row, seconds[place] = self._row(candidate)
            rows.append(row)
        return self._table([candidate.key for candidate in candidates], rows, seconds)

    def layer_scores(self, network: Any) -> ScoreRow:
        """All proxies' numbers of one network, with the names of its layers and blocks.

        Args:
            network: or a function that builds one, which is put on the scorer's device.

        Raises:
            NotAModule: if it is neither.
        """
        return self._row(_Candidate.of(network, 0, None))[0]

    def remember(self, table: ScoreTable, *, space: SearchSpace[Any]) -> None:
        """Take the table's rows as known: these architectures are not scored again.

        Args:
            table: made by a scorer of the same settings; must hold all of this scorer's proxies.
            space: of the table's candidates.

        Raises:
            InvalidArgument: if a proxy is missing from the table.
        """
        columns = {proxy.name: table.column(proxy.name) for proxy in self.proxies}
        for place, key in enumerate(table.candidates):
            notes = table.notes[place]
            self._remembered[space.name, key] = {
                name: LayerScores(
                    float(column[place]),
                    table.layers[name][place] if name in table.layers else np.empty(0),
                    (),
                    notes.get(name, ""),
                    bool(table.degenerate[place]) and name in notes,
                )
                for name, column in columns.items()
            }

    def aggregate(self, table: ScoreTable) -> Float[ndarray, " candidates"]:
        """The ensemble's number for each candidate, relative to the others; higher is better."""
        return self.ensemble(table)

    def reference(
        self,
        space: SearchSpace[Any],
        *,
        size: int = 200,
        seed: int = 0,
        show_progress: bool | None = None,
    ) -> Reference:
        """A frozen sample of the space, scored once without training.

        Args:
            space: to sample from.
            size: number of architectures; a percentile is known to about 1 / sqrt(size) / 2.
            seed: of the sampling. Same space, size and seed: same sample in every process.
            show_progress: None shows a bar on a terminal outside CI.

        Raises:
            NothingScored: if every architecture failed, with the commonest reason.
        """
        if size < 2:
            raise InvalidArgument(f"size={size}: pass 2 or more, 200 is a good start")
        sample = sampled(space, size, np.random.default_rng(seed))
        table = self.score(sample, space=space, show_progress=show_progress)
        table.require_scored()
        return Reference(space.name, self.settings, table)

    def against(self, reference: Reference) -> Calibrated:
        """This scorer, with percentiles among a frozen sample in place of relative ranks.

        Raises:
            ReferenceMismatch: if the sample was scored with other settings.
        """
        if reference.settings != self.settings:
            raise ReferenceMismatch(
                f"the reference was scored with settings {reference.settings}, this scorer has "
                f"{self.settings}: make it with scorer.reference(space)"
            )
        return Calibrated(reference, self.ensemble, self.score)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_turn"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _turn=threading.RLock())

    def _row(self, candidate: _Candidate) -> tuple[ScoreRow, float]:
        with self._turn:
            known = None if candidate.space is None else (candidate.space, candidate.key)
            if known is not None and known in self._remembered:
                return self._remembered[known], 0.0
            if known is not None and self.cache is not None:
                kept = self.cache.get(*known, self.settings)
                if kept is not None:
                    self._remembered[known] = kept
                    return kept, 0.0
            start = time.perf_counter()
            try:
                with torch.inference_mode(False), seeded(self.seed, self.device):
                    model = checked_module(candidate.build())
                    if candidate.ours:
                        model = self._placed(model)
                row = self._scored(model)
            except Exception as error:
                row = {proxy.name: proxy.failed(error) for proxy in self.proxies}
            if known is not None:
                self._remembered[known] = row
                if self.cache is not None:
                    self.cache.put(*known, self.settings, row)
            spent = time.perf_counter() - start
            self.scored, self.seconds = self.scored + 1, self.seconds + spent
            return row, spent

    def _placed(self, model: nn.Module) -> nn.Module:
        """A network of ours on our device, its lazy layers made by a first pass."""
        if any(isinstance(p, UninitializedParameter) for p in model.parameters()):
            with torch.no_grad():
                excitation = self.excitation
                x = torch.zeros(2, *excitation.input_shape)
                model(x) if excitation.forward is None else excitation.forward(model, x)
        return model.to(self.device)

    def _scored(self, model: nn.Module) -> ScoreRow:
        by_probe: dict[str, list[Measure]] = {}
        for proxy in self.proxies:
            measures = by_probe.setdefault(proxy.reads, [])
            if proxy.measure not in measures:
                measures.append(proxy.measure)
        wanted = {name: (PROBES[name], measures) for name, measures in by_probe.items()}
        read = readings(model, self.excitation, wanted, seed=self.seed)
        row = {}
        for proxy in self.proxies:
            outcome = read[proxy.reads]
            if isinstance(outcome, Exception):
                row[proxy.name] = proxy.failed(outcome)
            else:
                row[proxy.name] = proxy.score(outcome, by_probe[proxy.reads].index(proxy.measure))
        return row

    def _table(self, keys: Sequence[str], rows: Sequence[ScoreRow], seconds: ndarray) -> ScoreTable:
        names = [proxy.name for proxy in self.proxies]
        return ScoreTable(
            keys,
            np.array([[row[name].value for name in names] for row in rows]),
            names,
            [proxy.higher_is_better for proxy in self.proxies],
            {name: [row[name].layers for row in rows] for name in names},
            seconds,
            [{name: row[name].note for name in names if row[name].note} for row in rows],
            [any(row[name].degenerate for name in names) for row in rows],
        )


@dataclass(frozen=True)
class _Candidate:
    """A key, how to get the network, whether it may be moved, and the space that gave the key."""

    key: str
    build: Callable[[], Any]
    ours: bool
    space: str | None

    @staticmethod
    def of(item: Any, place: int, space: SearchSpace[Any] | None) -> _Candidate:
        if space is not None:
            architecture = space.canonical(item)
            key = space.encode(architecture)
            return _Candidate(key, lambda: space.build(architecture), True, space.name)
        if isinstance(item, nn.Module):
            return _Candidate(f"{place}:{type(item).__name__}", lambda: item, False, None)
        if callable(item):
            name = getattr(item, "__name__", type(item).__name__)
            return _Candidate(f"{place}:{name}", item, True, None)
        raise NotAModule(
            f"pool[{place}] is {type(item).__name__} {item!r}: pass a torch.nn.Module, a function "
            "that builds one, or space= for architectures"
        )


def _resolved(device: str | torch.device) -> torch.device:
    if device != "auto":
        return torch.device(device)
    return accelerator() or torch.device("cpu")
