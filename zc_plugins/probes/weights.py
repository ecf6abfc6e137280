"""The weights as they are initialised: no pass over data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor, nn

from zc_plugins._pristine import device_of, pristine
from zc_plugins._seeding import generator
from zc_plugins.errors import NoReadableLayers
from zc_plugins.probes._excite import excite
from zc_plugins.probes._layout import exact
from zc_plugins.probes._probe import Excitation, Gathered, Measure, Reading, to_host
from zc_plugins.probes._weights import weight_matrices


@dataclass(frozen=True)
class InitialWeightEvidence:
    """One weight matrix.

    Attributes:
        name: of the layer.
        weight: any shape.
    """

    name: str
    weight: Tensor


def weights(
    model: nn.Module, excitation: Excitation, measures: Sequence[Measure], *, seed: int
) -> Reading:
    """One ``InitialWeightEvidence`` a convolution, linear, recurrent or attention weight.

    Raises:
        NoReadableLayers: without one.
    """
    gathered = Gathered(measures)
    with pristine(model, seed):
        excite(model, excitation, generator(seed, device_of(model)), gradients=False)
        for name, weight in weight_matrices(model):
            gathered.read(name, InitialWeightEvidence(name, exact(weight.detach())))
    if not gathered.layers:
        raise NoReadableLayers("no convolution, linear, recurrent or attention weight to read")
    reading = to_host(gathered.layers, gathered.columns)
    return replace(reading, errors=gathered.errors)
