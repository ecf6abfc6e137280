"""How one candidate becomes a row of scores, in whichever process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

from zc_plugins._scoring.candidate import Candidate
from zc_plugins._scoring.time_limit import time_limit
from zc_plugins._seeding import seeded
from zc_plugins._threads import one_blas_thread
from zc_plugins.probes import SHELF as PROBES
from zc_plugins.probes import Excitation, Measure, readings
from zc_plugins.probes.cost import cost
from zc_plugins.proxies import Proxy
from zc_plugins.proxies._proxy import LayerScores, ScoreRow, mean_of
from zc_plugins.spaces.module import checked_module


@dataclass(frozen=True)
class Method:
    """All that a row depends on besides the candidate.

    Attributes:
        proxies: to be scored.
        excitation: of the network.
        seed: of weights, inputs and signs.
        device: where a network that is built here is put.
        time_limit: seconds for building and scoring, on which no number depends.
    """

    proxies: tuple[Proxy, ...]
    excitation: Excitation
    seed: int
    device: torch.device
    time_limit: float | None = None

    def row(self, candidate: Candidate) -> tuple[ScoreRow, float]:
        """Its scores and their seconds; NaN with a note if it cannot be built or scored."""
        start = time.perf_counter()
        try:
            with one_blas_thread(), time_limit(self.time_limit):
                with torch.inference_mode(False), seeded(self.seed, self.device):
                    model = checked_module(candidate.build())
                    if not candidate.built:
                        model = self._placed(model)
                row = self._scored(model)
        except Exception as error:
            row = self.failed(error)
        return row, time.perf_counter() - start

    def failed(self, error: Exception) -> ScoreRow:
        """The row of a candidate that cannot be scored."""
        return {proxy.name: proxy.failed(error) for proxy in self.proxies}

    def _placed(self, model: nn.Module) -> nn.Module:
        """A network of ours on our device, its lazy layers made by a first pass."""
        if any(isinstance(p, UninitializedParameter) for p in model.parameters()):
            with torch.no_grad():
                excitation = self.excitation
                x = torch.zeros(2, *excitation.input_shape)
                model(x) if excitation.forward is None else excitation.forward(model, x)
        return model.to(self.device)

    def _scored(self, model: nn.Module) -> ScoreRow:
        draws = {p.name: [s] for p, s in self._drawn(model, self.proxies, self.seed)}
        # Costs are the same at every draw.
        left = [proxy for proxy in self.proxies if PROBES[proxy.reads] is not cost]
        for seed in range(self.seed + 1, self.seed + self.excitation.repeats):
            # A draw without a number stands for all.
            left = [proxy for proxy in left if not draws[proxy.name][-1].note]
            for proxy, scores in self._drawn(model, left, seed) if left else ():
                draws[proxy.name].append(scores)
        return {name: mean_of(scores) for name, scores in draws.items()}

    def _drawn(
        self, model: nn.Module, proxies: Sequence[Proxy], seed: int
    ) -> list[tuple[Proxy, LayerScores]]:
        by_probe: dict[str, list[Measure]] = {}
        for proxy in proxies:
            measures = by_probe.setdefault(proxy.reads, [])
            if proxy.measure not in measures:
                measures.append(proxy.measure)
        wanted = {name: (PROBES[name], measures) for name, measures in by_probe.items()}
        read = readings(model, self.excitation, wanted, seed=seed)
        drawn = []
        for proxy in proxies:
            outcome = read[proxy.reads]
            if isinstance(outcome, Exception):
                drawn.append((proxy, proxy.failed(outcome)))
            else:
                place = by_probe[proxy.reads].index(proxy.measure)
                drawn.append((proxy, proxy.score(outcome, place)))
        return drawn
