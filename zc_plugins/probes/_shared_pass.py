"""One forward of one network that serves several probes, with the sweeps back that they need."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn

from zc_plugins._dry_run import dtype_of, explained
from zc_plugins._pristine import device_of, pristine
from zc_plugins._seeding import generator
from zc_plugins.errors import Degenerate
from zc_plugins.probes._excite import called, excite
from zc_plugins.probes._loss import logits_in, loss_of, random_targets
from zc_plugins.probes._probe import (
    Column,
    Excitation,
    Gathered,
    Measure,
    Reading,
    freed,
    to_host,
)
from zc_plugins.probes._verdict import output_fault, output_verdict
from zc_plugins.probes._weights import weight_matrices

Steps = Generator[Sequence[AbstractContextManager[Any]], None, None]
"""A stage on its way: it gives once what stands around the forward, then reads what came of it."""

Graph = Literal["none", "blocks", "input", "weights"]
"""Kept after the forward: none, that within each block, to the input, or to the weights."""


class Run:
    """The pass while it goes on; before it begins, only the first three attributes are known.

    Attributes:
        model: the network; from the beginning in train mode, freshly initialised.
        excitation: how it is excited.
        around: what the stages put around the forward.
        cuts: the graph may be cut at block boundaries, since no stage needs the whole.
        rng: of weights, inputs and signs.
        x: the batch.
        output: what the network gave.
        held: tensors that hooks need again on the way back.
        forwarding: the first batch is on its way through the network.
        sweeping: the gradient of its loss is on its way back.
    """

    def __init__(self, model: nn.Module, excitation: Excitation) -> None:
        self.model, self.excitation = model, excitation
        self.around: list[AbstractContextManager[Any]] = []
        self.sweeping = self.forwarding = False
        self.held: list[Tensor] = []
        self.output: Any = None
        self._stand_in: Callable[[], Tensor | None] = lambda: None
        self._stands_for: Callable[[], Tensor | None] = lambda: None
        self._versions = 0

    def stand_in(self, given: Tensor, output: Tensor) -> None:
        """Note that the network goes on with ``given`` in place of a module's output."""
        self._stand_in, self._stands_for = weakref.ref(given), weakref.ref(output)
        self._versions = output._version - given._version

    def original(self, tensor: Tensor) -> tuple[Tensor, int]:
        """The module's output that a tensor of the forward stands for, and its version.

        So no stage sees whether another has replaced it.
        """
        output = self._stands_for() if self._stand_in() is tensor else None
        if output is None:
            return tensor, tensor._version
        return output, tensor._version + self._versions

    def begin(self, seed: int, graphs: set[Graph]) -> None:
        """Initialise and draw; called inside ``pristine``."""
        self.graphs, self.cuts = graphs, not graphs & {"input", "weights"}
        self.device = device_of(self.model)
        self.rng, self._labels = (generator(s, self.device) for s in (seed, seed + 2**32))
        excite(self.model, self.excitation, self.rng, gradients="weights" in self.graphs)
        self.x = self.excitation.batch(self.device, dtype_of(self.model), self.rng)
        if "input" in self.graphs and self.x.is_floating_point():
            self.x.requires_grad_()

    def forward(self) -> None:
        """Run the network, hooked as the stages want it."""
        with ExitStack() as attached:
            for context in self.around:
                attached.enter_context(context)
            # A leaf that carries a gradient must not be changed in place.
            fed = self.x.clone() if self.x.requires_grad else self.x
            self.forwarding = True
            self.output = called(self.model, fed, self.excitation)
            self.forwarding = False

    @cached_property
    def targets(self) -> Tensor:
        """Of the first batch."""
        given = self.excitation.targets
        if given is not None:
            return given.to(self.device)
        return random_targets(logits_in(self.output, len(self.x)), self._labels)

    @cached_property
    def loss(self) -> Tensor:
        """Of the first batch, of shape ()."""
        return loss_of(self.excitation, self.output, len(self.x), self.targets)

    def input_gradient(self) -> Tensor | None:
        """Gradient of the summed output at the input, of the input's shape."""
        logits = logits_in(self.output, len(self.x))
        total = logits.sum(dtype=None if logits.dtype == torch.float64 else torch.float32)
        if not total.requires_grad:
            return None
        keep = "weights" in self.graphs
        return torch.autograd.grad(total, self.x, retain_graph=keep, allow_unused=True)[0]

    @cached_property
    def gradients(self) -> dict[str, Tensor | None]:
        """Of the loss of the first batch, at each weight matrix and other parameter, by name."""
        self.sweeping = True
        try:
            return self._gradients(self.loss)
        finally:
            # What hooks have read need not stay while a second batch runs.
            self.sweeping, self.held = False, []

    @cached_property
    def second_gradients(self) -> dict[str, Tensor | None]:
        """Of the loss of another batch; the first batch's graph is gone by then."""
        _ = self.gradients
        x, targets = self.excitation.second_batch(self.device, dtype_of(self.model), self._labels)
        output = called(self.model, x, self.excitation)
        if targets is None:
            targets = random_targets(logits_in(output, len(x)), self._labels)
        return self._gradients(loss_of(self.excitation, output, len(x), targets.to(self.device)))

    @cached_property
    def matrices(self) -> dict[str, nn.Parameter]:
        """The weight matrices, by layer."""
        return dict(weight_matrices(self.model))

    @cached_property
    def weights(self) -> dict[str, nn.Parameter]:
        """All floating parameters: the matrices by layer, then the others by their own name."""
        held = {id(parameter) for parameter in self.matrices.values()}
        others = {
            name: parameter
            for name, parameter in self.model.named_parameters()
            if id(parameter) not in held and parameter.is_floating_point()
        }
        return {**self.matrices, **others}

    def _gradients(self, loss: Tensor) -> dict[str, Tensor | None]:
        if not loss.requires_grad:
            raise Degenerate("the loss does not depend on the weights (disconnected)")
        values = torch.autograd.grad(loss, list(self.weights.values()), allow_unused=True)
        return dict(zip(self.weights, values, strict=True))


@dataclass(frozen=True)
class SharedProbe:
    """A probe that is one stage of the shared pass, and can be run alone.

    Attributes:
        name: also the name of its file.
        stage: a generator function. Before its ``yield`` it raises ``Unscorable`` where there is
            nothing to read; it yields the context managers around the forward, hooks for example;
            after it, it reads what is left to read.
        graph: that it needs after the forward.
    """

    name: str
    stage: Callable[[Run, Gathered], Steps]
    graph: Graph = "none"

    def __call__(
        self, model: nn.Module, excitation: Excitation, measures: Sequence[Measure], *, seed: int
    ) -> Reading:
        """Run the pass for this stage alone."""
        outcomes = shared_pass({self.name: (self, measures)}, model, excitation, seed=seed)
        outcome = outcomes[self.name]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def shared_pass(
    wanted: Mapping[str, tuple[SharedProbe, Sequence[Measure]]],
    model: nn.Module,
    excitation: Excitation,
    *,
    seed: int,
) -> dict[str, Reading | Exception]:
    """Readings of all wanted probes from one forward, and one transfer to the host.

    A probe's numbers do not depend on which others run beside it. Where the pass breaks, each
    probe is tried alone, so that one network's oddity costs only the proxies that stumble over it.
    """
    run = Run(model, excitation)
    gathered = {name: Gathered(measures) for name, (_, measures) in wanted.items()}
    stages: dict[str, tuple[Graph, Steps]] = {}
    outcomes: dict[str, Reading | Exception] = {}
    for name, (probe, _) in wanted.items():
        steps = probe.stage(run, gathered[name])
        try:
            run.around += next(steps)
            stages[name] = probe.graph, steps
        except Exception as error:
            outcomes[name] = error
    verdict: Column = []
    try:
        if stages:
            outcomes |= _passed(run, stages, seed, verdict)
        broken = None
    except Exception as error:
        broken = freed(explained(error, excitation.input_shape))
    finally:
        # A tensor's hook that reached its own graph through the run would keep it alive for ever.
        vars(run).clear()
        for _, steps in stages.values():
            steps.close()
    if broken is not None and len(stages) == 1:
        return {**outcomes, **dict.fromkeys(stages, broken)}
    if broken is not None:
        # Only now, when the broken pass is freed: it may have been too large.
        for name in stages:
            outcomes |= shared_pass({name: wanted[name]}, model, excitation, seed=seed)
        return outcomes
    read = {name: gathered[name] for name in stages if name not in outcomes}
    return {**outcomes, **_readings(read, verdict, excitation)}


def _passed(
    run: Run, stages: Mapping[str, tuple[Graph, Steps]], seed: int, verdict: Column
) -> dict[str, Exception]:
    broken: dict[str, Exception] = {}
    graphs = {graph for graph, _ in stages.values()}
    with pristine(run.model, seed), torch.set_grad_enabled(graphs != {"none"}):
        run.begin(seed, graphs)
        run.forward()
        verdict.extend(output_verdict(run.output, len(run.x)))
        # The sweep to the input comes before the one to the weights, which frees the graph.
        for name, (_, steps) in sorted(stages.items(), key=lambda item: item[1][0] == "weights"):
            try:
                next(steps, None)
            except Exception as error:
                broken[name] = freed(error)
    return broken


def _readings(
    gathered: Mapping[str, Gathered], verdict: Column, excitation: Excitation
) -> dict[str, Reading | Exception]:
    columns = [column for results in gathered.values() for column in results.columns]
    # One more column, so that the verdict comes along in the same transfer.
    statistics = iter(to_host([], [verdict, *columns]).statistics)
    fault = output_fault(next(statistics), fresh=excitation.fresh)
    return {
        name: Reading(
            tuple(results.layers),
            tuple(next(statistics) for _ in results.columns),
            results.errors,
            fault,
        )
        for name, results in gathered.items()
    }
