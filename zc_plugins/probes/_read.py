"""All that is to be read of one network, in the fewest passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from zc_plugins._pristine import device_of
from zc_plugins.probes._excite import autocast
from zc_plugins.probes._pooling import right_pooling
from zc_plugins.probes._probe import Excitation, Measure, Probe, Reading, freed
from zc_plugins.probes._shared_pass import SharedProbe, shared_pass


def readings(
    model: nn.Module,
    excitation: Excitation,
    wanted: Mapping[str, tuple[Probe, Sequence[Measure]]],
    *,
    seed: int,
) -> dict[str, Reading | Exception]:
    """For each name, what its probe read, or why it could not.

    Probes that are stages of the shared pass run together; any other runs alone.

    Args:
        model: the network; as before on return.
        excitation: of all probes.
        wanted: for each name a probe and the measures that read it.
        seed: of weights, inputs and signs.
    """
    device = device_of(model)
    # The first one tries the device, and must not do so inside a probe's transform.
    right_pooling(device)
    # Whatever autocast is on outside: the excitation alone says how the network runs.
    with autocast(device, None):
        outcomes = _tried(model, excitation, wanted, seed)
        again = {name: wanted[name] for name, found in outcomes.items() if _is_overwritten(found)}
        if again:
            # Slower, so only where it is needed: what the sweep back reads is copied in time.
            with torch.autograd.graph.allow_mutation_on_saved_tensors():
                outcomes |= _tried(model, excitation, again, seed)
    return outcomes


def _tried(
    model: nn.Module,
    excitation: Excitation,
    wanted: Mapping[str, tuple[Probe, Sequence[Measure]]],
    seed: int,
) -> dict[str, Reading | Exception]:
    shared = {
        name: (probe, measures)
        for name, (probe, measures) in wanted.items()
        if isinstance(probe, SharedProbe)
    }
    outcomes = shared_pass(shared, model, excitation, seed=seed) if shared else {}
    for name, (probe, measures) in wanted.items():
        if name not in shared:
            try:
                outcomes[name] = probe(model, excitation, measures, seed=seed)
            except Exception as error:
                outcomes[name] = freed(error)
    return outcomes


def _is_overwritten(outcome: Reading | Exception) -> bool:
    """Whether the sweep back failed because the forward writes over what it needs."""
    errors = [outcome] if isinstance(outcome, Exception) else outcome.errors.values()
    return any(
        isinstance(error, RuntimeError)
        and (
            "modified by an inplace operation" in str(error)
            # The next stage's words after that failure.
            or "through the graph a second time" in str(error)
        )
        for error in errors
    )
