"""The gradient of the summed output at the input, one row a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from zc_plugins.errors import Degenerate, Unscorable
from zc_plugins.probes._correlation import correlation_coefficients
from zc_plugins.probes._loss import logits_in
from zc_plugins.probes._probe import Excitation, Gathered, Measure
from zc_plugins.probes._shared_pass import Run, SharedProbe


class JacobianEvidence:
    """The whole network's input gradient.

    Attributes:
        jacobian: shape (batch, input elements), float32 or float64.
        targets: of the batch.
    """

    def __init__(self, gradient: Tensor, run: Run) -> None:
        exact = gradient if gradient.dtype == torch.float64 else gradient.float()
        self.jacobian = exact.reshape(len(exact), -1)
        self._run = run

    @property
    def targets(self) -> Tensor:
        """Of the batch; random classes where none were given."""
        return self._run.targets

    @cached_property
    def correlation(self) -> Tensor:
        """Correlation coefficients between the rows, of shape (batch, batch).

        Infinite where the gradient is nothing but rounding: behind a batch normalisation and a
        linear head, the summed output does not depend on the input.
        """
        return correlation_coefficients(self.jacobian).masked_fill(self._vanishes, float("inf"))

    @property
    def _vanishes(self) -> Tensor:
        """Whether the input, moved along the gradient, cannot make the outputs differ as they do.

        A live network's quotient is 1 to 100; rounding makes it some 100 times the precision.
        """
        logits = logits_in(self._run.output, len(self.jacobian)).detach()
        rounding: float = torch.finfo(logits.dtype).eps ** 0.5
        varying = (logits - logits.mean(0)).to(self.jacobian)
        size: Callable[[Tensor], Tensor] = torch.linalg.vector_norm
        x = self._run.x.detach().to(self.jacobian)
        moved: Tensor = size(self.jacobian) * size(x) / len(x) ** 0.5
        return (moved > 0) & (moved < rounding * size(varying))


class JacobianStage:
    """A sweep from the output to the input; no parameter gradient is computed."""

    graph: ClassVar[str] = "input"

    def __init__(
        self, model: nn.Module, excitation: Excitation, measures: Sequence[Measure]
    ) -> None:
        if excitation.integer_dtype is not None:
            raise Unscorable("an integer input has no gradient")
        self.gathered = Gathered(measures)

    def attach(self, run: Run) -> Iterator[Any]:
        """Nothing is hooked."""
        return iter(())

    def finish(self, run: Run) -> None:
        """Sweep back to the input.

        Raises:
            Degenerate: if no gradient reaches the input.
        """
        gradient = run.input_gradient()
        if gradient is None:
            raise Degenerate("no gradient passes from the output to the input (disconnected)")
        evidence = JacobianEvidence(gradient, run)
        self.gathered.read("network", evidence)


jacobian = SharedProbe("jacobian", JacobianStage)
