"""What EZNAS reads of a layer: three places of it, with gradients, for three batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zc_plugins._dry_run import dtype_of, explained
from zc_plugins._pristine import device_of, pristine
from zc_plugins._seeding import generator, seeded
from zc_plugins.errors import Degenerate, NoReadableLayers, Unscorable
from zc_plugins.probes._excite import autocast, called, excite
from zc_plugins.probes._kept_from_writing import KeptFromWriting
from zc_plugins.probes._layout import exact
from zc_plugins.probes._loss import logits_in
from zc_plugins.probes._probe import Column, Excitation, Gathered, Measure, Reading, to_host
from zc_plugins.probes._triples import Triples
from zc_plugins.probes._verdict import output_fault, output_verdict

_PLACES = ("T1", "T2", "T4", "T1G", "T2G", "T3G", "T4G")
STATISTICS = ("T3", *(f"{place}{batch}" for batch in "DNP" for place in _PLACES))
"""The 22 of a layer: 1 what enters the rectifier, 2 what enters the convolution, 3 the weight, 4
what leaves the normalisation; ``G`` the gradient there; ``D``, ``N``, ``P`` the batch."""

PERTURBATION = 0.1
"""Standard deviation of what is added to the data."""


@dataclass(frozen=True)
class TripleEvidence:
    """One rectifier, convolution and batch normalisation.

    Attributes:
        name: of the convolution.
        statistics: by the names in ``STATISTICS``, float32 or float64, of shapes (batch, channels,
            height, width) and, for ``T3``, (out, in, height, width). Those of the perturbed batch
            less those of the data. They are shared: write into none.
    """

    name: str
    statistics: Mapping[str, Tensor]


def relu_conv_bn(
    model: nn.Module, excitation: Excitation, measures: Sequence[Measure], *, seed: int
) -> Reading:
    """One ``TripleEvidence`` a layer, from a forward and a sweep back for each batch.

    The batches are the data (the excitation's inputs, or noise of its own), N(0, 1), and the data
    with noise of standard deviation 0.1; what is swept back is the sum of the logits. A measure
    with an attribute ``terminals`` is given these statistics and reads as soon as they are there;
    any other is given all. Only the passes that are asked for are run, and only what a later one
    needs outlives its layer's turn: the data's side of differences, above all.

    Raises:
        NoReadableLayers: if there is no rectifier, convolution and batch normalisation in a row.
        Degenerate: if the output does not depend on the input.
        Unscorable: if the input is an integer, or the layers differ from batch to batch.

    References:
        Akhauri et al., EZNAS, NeurIPS 2022, arXiv:2209.07413. The public code draws other weights
        (fan-out), and finds layers by the order of modules, not by what flows where.
    """
    if excitation.integer_dtype is not None:
        raise Unscorable("an integer input cannot be changed a little")
    plan = _Plan(measures)
    device = device_of(model)
    rng = generator(seed, device)
    verdict: Column = []
    with pristine(model, seed):
        excite(model, excitation, rng, gradients=plan.needs("T3G"))
        data = excitation.batch(device, dtype_of(model), rng)
        # Drawn also where they are not read: no number shall depend on what else is asked for.
        noise = excitation.noise(device, data.dtype, rng)
        change = PERTURBATION * excitation.noise(device, data.dtype, rng)
        for batch, x in (("D", data), ("N", noise), ("P", data + change)):
            if batch in plan.batches:
                # The same dropout for all batches.
                with seeded(seed, device):
                    verdict = _run(model, excitation, x, batch, plan)
    columns, errors = plan.columns_and_errors(len(measures))
    found, *statistics = to_host(plan.layers, [verdict, *columns]).statistics
    fault = output_fault(found, fresh=excitation.fresh)
    return Reading(tuple(plan.layers), tuple(statistics), errors, fault)


class _Plan:
    """Which statistics are read of which batch, and what has been read so far.

    Attributes:
        batches: that have to be run, in order.
        layers: names, in the order of the forward.
        held: for each layer, the statistics of earlier batches that later ones need.
    """

    def __init__(self, measures: Sequence[Measure]) -> None:
        self._terminals = [frozenset(getattr(m, "terminals", STATISTICS)) for m in measures]
        wanted = frozenset[str]().union(*self._terminals)
        # A difference is read with the second of its batches.
        self._needed = wanted | {f"{n[:-1]}D" for n in wanted if n.endswith("P")}
        self.batches = [b for b in "DNP" if any(n.endswith(b) for n in self._needed)] or ["D"]
        self._readers = {b: self._places(b) for b in self.batches}
        self._read = {b: Gathered([measures[p] for p in self._readers[b]]) for b in self.batches}
        self.layers: list[str] = []
        self.held: dict[int, dict[str, Tensor]] = {}

    def _places(self, batch: str) -> list[int]:
        """Of the measures for which this batch is the last that they need."""
        first = self.batches[0]
        lasts = [max((n[-1] for n in t if n != "T3"), default=first) for t in self._terminals]
        return [p for p, last in enumerate(lasts) if last == batch]

    def needs(self, place: str) -> bool:
        """Whether this is read of any batch."""
        return any(name.startswith(place) for name in self._needed)

    def of(self, batch: str) -> frozenset[str]:
        """What is needed of a batch, without its letter."""
        return frozenset(n[:-1] for n in self._needed if n != "T3" and n.endswith(batch))

    def require_layers(self, names: list[str]) -> None:
        """Note the layers of the first batch, and hold those of the others against them."""
        if not names:
            raise NoReadableLayers("no rectifier, convolution and batch normalisation in a row")
        if self.layers and self.layers != names:
            raise Unscorable("the layers differ from batch to batch (random depth)")
        self.layers = names

    def read(self, batch: str, place: int, weight: Tensor, raw: Mapping[str, Tensor]) -> None:
        """Let the measures read a layer, and keep what later batches need."""
        known = self.held.pop(place, {})
        if batch == "P":
            raw = {n: tensor - known[f"{n}D"] for n, tensor in raw.items()}
        statistics = {"T3": weight, **known, **{f"{n}{batch}": t for n, t in raw.items()}}
        name = self.layers[place]
        self._read[batch].read(name, TripleEvidence(name, statistics))
        later = self._later(batch)
        if later:
            self.held[place] = {n: t for n, t in statistics.items() if n in later}

    def _later(self, batch: str) -> frozenset[str]:
        rest = [b for b in self.batches if b > batch]
        names = frozenset(n for b in rest for p in self._readers[b] for n in self._terminals[p])
        return names | {f"{n[:-1]}D" for n in names if n.endswith("P")} if rest else names

    def columns_and_errors(self, count: int) -> tuple[list[Column], dict[int, Exception]]:
        """Of all measures, the layers in order: sweeps meet them from the last to the first."""
        order = {name: place for place, name in enumerate(self.layers)}
        columns: list[Column] = [[] for _ in range(count)]
        errors = {}
        for batch, places in self._readers.items():
            for here, place in enumerate(places):
                found = self._read[batch].columns[here]
                columns[place] = sorted(found, key=lambda entry: order[entry[0]])
                if here in self._read[batch].errors:
                    errors[place] = self._read[batch].errors[here]
        return columns, errors


def _run(model: nn.Module, excitation: Excitation, x: Tensor, batch: str, plan: _Plan) -> Column:
    """One batch forward and back; the verdict on the network's output."""
    wanted, left = plan.of(batch), dict[int, None]()

    def read(place: int) -> None:
        del left[place]
        raw = {name: exact(triples.tensor(place, name)) for name in wanted}
        triple = triples.found[place]
        with torch.no_grad(), autocast(x.device, None):
            plan.read(batch, place, exact(triple.weight.detach()), raw)
        triple.tensors.clear()

    kept = KeptFromWriting()
    triples = Triples(model, wanted, kept, read)
    sweeps = any(name.endswith("G") for name in wanted)
    try:
        with torch.set_grad_enabled(sweeps):
            leaf = x.detach().requires_grad_(sweeps)
            with kept, triples:
                try:
                    # A leaf that carries a gradient must not be changed in place.
                    output = called(model, leaf.clone(), excitation)
                except Exception as error:
                    raise explained(error, excitation.input_shape) from error
            triples.forget()
            plan.require_layers([triple.name for triple in triples.found])
            left |= dict.fromkeys(range(len(triples.found)))
            if sweeps:
                weights = [t.weight for t in triples.found] if "T3G" in wanted else []
                _sweep(logits_in(output, len(x)), [leaf, *weights])
        for place in [*left]:
            read(place)
        return output_verdict(output, len(x))
    finally:
        # What is left of the graph holds hooks, and these the triples.
        triples.found.clear()
        triples.forget()


def _sweep(logits: Tensor, inputs: list[Tensor]) -> None:
    """Send the gradient of the summed logits back.

    Raises:
        Degenerate: if there is none.
    """
    if not logits.requires_grad:
        raise Degenerate("the output does not depend on the input (disconnected)")
    total = logits.sum(dtype=None if logits.dtype == torch.float64 else torch.float32)
    unique = list({id(tensor): tensor for tensor in inputs}.values())
    torch.autograd.grad(total, unique, allow_unused=True)
