"""The loss of a labelled batch, without a sweep back."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from zc_plugins.probes._probe import Gathered
from zc_plugins.probes._shared_pass import Run, SharedProbe, Steps


@dataclass(frozen=True)
class LossEvidence:
    """The whole network's loss.

    Attributes:
        loss: of the batch, shape ().
    """

    loss: Tensor


def loss_stage(run: Run, gathered: Gathered) -> Steps:
    """A look at the output and the targets."""
    yield ()
    gathered.read("network", LossEvidence(run.loss.detach()))


loss = SharedProbe("loss", loss_stage)
