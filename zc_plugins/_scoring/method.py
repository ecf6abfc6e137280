"""How one candidate becomes a row of scores, in whichever process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

from zc_plugins._scoring.candidate import Candidate
from zc_plugins._seeding import seeded
from zc_plugins.probes import SHELF as PROBES
from zc_plugins.probes import Excitation, Measure, readings
from zc_plugins.probes.cost import cost
from zc_plugins.proxies import Proxy
from zc_plugins.proxies._proxy import ScoreRow, mean_of
from zc_plugins.spaces.module import checked_module


@dataclass(frozen=True)
class Method:
    """All that a row depends on besides the candidate.

    Attributes:
        proxies: to be scored.
        excitation: of the network.
        seed: of weights, inputs and signs.
        device: where a network that is built here is put.
    """

    proxies: tuple[Proxy, ...]
    excitation: Excitation
    seed: int
    device: torch.device

    def row(self, candidate: Candidate) -> tuple[ScoreRow, float]:
        """Its scores and their seconds; NaN with a note if it cannot be built or scored."""
        start = time.perf_counter()
        try:
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
        first = self._drawn(model, self.proxies, self.seed)
        # Costs are the same at every draw.
        others = [proxy for proxy in self.proxies if PROBES[proxy.reads] is not cost]
        seeds = range(self.seed + 1, self.seed + self.excitation.repeats)
        again = [self._drawn(model, others, seed) for seed in seeds] if others else []
        return {
            name: mean_of([scores, *(row[name] for row in again if name in row)])
            for name, scores in first.items()
        }

    def _drawn(self, model: nn.Module, proxies: Sequence[Proxy], seed: int) -> ScoreRow:
        by_probe: dict[str, list[Measure]] = {}
        for proxy in proxies:
            measures = by_probe.setdefault(proxy.reads, [])
            if proxy.measure not in measures:
                measures.append(proxy.measure)
        wanted = {name: (PROBES[name], measures) for name, measures in by_probe.items()}
        read = readings(model, self.excitation, wanted, seed=seed)
        row = {}
        for proxy in proxies:
            outcome = read[proxy.reads]
            if isinstance(outcome, Exception):
                row[proxy.name] = proxy.failed(outcome)
            else:
                row[proxy.name] = proxy.score(outcome, by_probe[proxy.reads].index(proxy.measure))
        return row
