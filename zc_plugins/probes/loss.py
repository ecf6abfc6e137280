"""The loss of a labelled batch, without a sweep back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from zc_plugins.probes._probe import Excitation, Gathered, Measure
from zc_plugins.probes._shared_pass import Run, SharedProbe


@dataclass(frozen=True)
class LossEvidence:
    """The whole network's loss.

    Attributes:
        loss: of the batch, shape ().
    """

    loss: Tensor


class LossStage:
    """A look at the output."""

    graph: ClassVar[str] = "none"

    def __init__(
        self, model: nn.Module, excitation: Excitation, measures: Sequence[Measure]
    ) -> None:
        self.gathered = Gathered(measures)

    def attach(self, run: Run) -> Iterator[Any]:
        """Nothing is hooked."""
        return iter(())

    def finish(self, run: Run) -> None:
        """Compare output and targets."""
        self.gathered.read("network", LossEvidence(run.loss.detach()))


loss = SharedProbe("loss", LossStage)
