"""All that is to be read of one network, in the fewest passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from zc_plugins.probes._probe import Excitation, Measure, Probe, Reading
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
                outcomes[name] = error
    return outcomes
