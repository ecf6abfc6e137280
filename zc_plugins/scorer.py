"""The front door: candidates in, a score table out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from functools import cached_property
from typing import Any

import numpy as np
import torch

from zc_plugins._identity import fingerprint
from zc_plugins._progress import progress as with_progress
from zc_plugins._scoring.candidate import Candidate
from zc_plugins._scoring.desk import Desk
from zc_plugins._scoring.memory import Memory
from zc_plugins._scoring.method import Method
from zc_plugins._scoring.score_rows import score_rows, score_table
from zc_plugins._scoring.time_limit import checked_limit
from zc_plugins._scoring.worker_plan import Plan
from zc_plugins._seeding import accelerator
from zc_plugins._shapes import Float, ndarray
from zc_plugins.cache import ScoreCache
from zc_plugins.ensembles import SHELF as ENSEMBLES
from zc_plugins.ensembles import Ensemble
from zc_plugins.errors import InvalidArgument, ReferenceMismatch
from zc_plugins.probes import Excitation
from zc_plugins.proxies import SHELF as PROXIES
from zc_plugins.proxies import Proxy
from zc_plugins.proxies._proxy import ScoreRow
from zc_plugins.reference import Calibrated, Reference, sampled
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces import SearchSpace


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
        time_limit: seconds of wall time for building and scoring one candidate; over it, it is NaN
            with a note, and not kept in the cache. It ends Python code and sleeps, not a call into
            native code; it holds in workers, and in the main thread of a system with ``SIGALRM``.

    Attributes:
        cache: as above; may be set later, on the scorer of a recipe.
        time_limit: as above; may be set later.

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
        time_limit: float | None = None,
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
        self.device = torch.device((accelerator() or "cpu") if device == "auto" else device)
        self.cache = ScoreCache(cache) if isinstance(cache, (str, os.PathLike)) else cache
        self.time_limit = checked_limit(time_limit)
        self._remembered: dict[tuple[str, str], ScoreRow] = {}
        self._recent: dict[tuple[str, str], ScoreRow] = {}
        self._desk = Desk()

    @cached_property
    def settings(self) -> str:
        """Fingerprint of all that a table depends on besides the architectures, taken once."""
        content = fingerprint((self.proxies, self.seed, self.device.type, self.excitation))
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @property
    def scored(self) -> int:
        """Networks scored so far; what is remembered does not count again."""
        return self._desk.scored

    @property
    def seconds(self) -> float:
        """Wall time spent on building and scoring them, summed over workers."""
        return self._desk.seconds

    def score(
        self,
        pool: Iterable[Any],
        *,
        space: SearchSpace[Any] | None = None,
        show_progress: bool | None = None,
        workers: int | str = "auto",
        executor: Executor | Callable[[], Executor] | None = None,
    ) -> ScoreTable:
        """The table of all candidates of the pool, in its order.

        Args:
            pool: architectures of ``space``; without a space, networks or functions that build one.
            space: builds the architectures, and tells which of them are the same.
            show_progress: None shows a bar on a terminal outside CI.
            workers: processes that score, each with one torch thread, or on an accelerator of its
                own. ``"auto"`` uses all cores or accelerators where that will save twice the
                seconds that they take to start, judged by the first candidates; it needs the extra
                ``workers`` and stays in this process for fewer than 16. Networks that are handed in
                built, and what pickle cannot send, are scored in this process.
            executor: scores in place of ``workers``: any ``concurrent.futures.Executor``, such as
                loky's, ``executors.ray.RayExecutor`` or a Dask client's ``get_executor()``, or a
                function that makes one, which is called again when the executor breaks. Networks
                that are handed in built are scored in this process. Needs the extra ``workers``.

        Raises:
            MissingExtra: if several workers are asked for without the extra.
            InvalidArgument: if ``workers`` is no positive number, or something cannot be sent to
                the executor; it names what.
            NotAModule: if an item of a pool without space is neither a network nor a function.
        """
        candidates = [Candidate.of(item, place, space) for place, item in enumerate(pool)]
        rows: dict[int, ScoreRow] = {}
        seconds = np.zeros(len(candidates))
        plan = Plan(workers, self.device, executor)
        incoming = self._desk.rows(candidates, self._method, self._memory, plan)
        total = len(candidates)
        bar = with_progress(incoming, total=total, description="scoring", show=show_progress)
        for place, row, spent in bar:
            rows[place], seconds[place] = row, spent
        return score_table(
            candidates, [rows[place] for place in range(total)], seconds, self.proxies
        )

    def stream(
        self,
        pool: Iterable[Any],
        *,
        space: SearchSpace[Any] | None = None,
        workers: int | str = "auto",
        executor: Executor | Callable[[], Executor] | None = None,
    ) -> Iterator[tuple[int, ScoreTable]]:
        """Place in the pool and table of one row for each candidate, as soon as it is scored.

        To stop early, leave the loop. Arguments and errors are those of ``score``. The pool may be
        a generator, of which no more is read than is needed next; with a cache the scorer's memory
        stays the same however long it is.
        """
        plan, on_the_way = Plan(workers, self.device, executor), dict[int, Candidate]()

        def candidates() -> Iterator[Candidate]:
            for place, item in enumerate(pool):
                on_the_way[place] = Candidate.of(item, place, space)
                yield on_the_way[place]

        incoming = self._desk.rows(candidates(), self._method, self._memory, plan)
        for place, row, spent in incoming:
            one = [on_the_way.pop(place)]
            yield place, score_table(one, [row], np.array([spent]), self.proxies)

    def layer_scores(self, network: Any) -> ScoreRow:
        """All proxies' numbers of one network, with the names of its layers and blocks.

        Args:
            network: or a function that builds one, which is put on the scorer's device.

        Raises:
            NotAModule: if it is neither.
        """
        return self._desk.row(Candidate.of(network, 0, None), self._method, self._memory)[0]

    def remember(self, table: ScoreTable, *, space: SearchSpace[Any]) -> None:
        """Take the table's rows as known: these architectures are not scored again.

        Args:
            table: made by a scorer of the same settings; must hold all of this scorer's proxies.
            space: of the table's candidates.

        Raises:
            InvalidArgument: if a proxy is missing from the table.
        """
        rows = score_rows(table, self.proxies)
        self._remembered |= {(space.name, key): row for key, row in rows.items()}

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
        table.require_ranked(self.aggregate(table))
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

    @property
    def _method(self) -> Method:
        return Method(self.proxies, self.excitation, self.seed, self.device, self.time_limit)

    @property
    def _memory(self) -> Memory:
        # The settings take a look at all inputs, so only for a cache.
        settings = "" if self.cache is None else self.settings
        return Memory(self._remembered, self.cache, settings, self._recent)
