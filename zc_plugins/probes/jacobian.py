"""The gradient of the summed output at the input, one row a sample."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from zc_plugins.errors import Degenerate, Unscorable
from zc_plugins.probes._correlation import correlation_coefficients
from zc_plugins.probes._loss import logits_in
from zc_plugins.probes._probe import Gathered
from zc_plugins.probes._shared_pass import Run, SharedProbe, Steps


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


def jacobian_stage(run: Run, gathered: Gathered) -> Steps:
    """A sweep from the output to the input; no parameter gradient is computed.

    Raises:
        Unscorable: if the input is of integers.
        Degenerate: if no gradient reaches the input.
    """
    if run.excitation.integer_dtype is not None:
        raise Unscorable("an integer input has no gradient")
    yield ()
    gradient = run.input_gradient()
    if gradient is None:
        raise Degenerate("no gradient passes from the output to the input (disconnected)")
    gathered.read("network", JacobianEvidence(gradient, run))


jacobian = SharedProbe("jacobian", jacobian_stage, graph="input")
