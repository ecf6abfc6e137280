"""Gradients of each sample's summed logits at the weights: the neural tangent kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zc_plugins._dry_run import dtype_of, explained
from zc_plugins._pristine import device_of, pristine
from zc_plugins._seeding import generator
from zc_plugins.errors import Degenerate
from zc_plugins.probes._excite import called, excite
from zc_plugins.probes._loss import logits_in
from zc_plugins.probes._probe import Excitation, Gathered, Measure, Reading
from zc_plugins.probes._verdict import with_verdict

SAMPLES = 16
"""At most so many samples, as in TE-NAS: each costs a sweep back through the network."""


@dataclass(frozen=True)
class KernelEvidence:
    """The whole network's kernel.

    Attributes:
        kernel: inner products of the samples' gradients, of shape (samples, samples).
    """

    kernel: Tensor


def logit_gradients(
    model: nn.Module, excitation: Excitation, measures: Sequence[Measure], *, seed: int
) -> Reading:
    """One ``KernelEvidence``, from one sweep back a sample over a common forward.

    Batch normalisation uses the statistics of these samples together. Parameters with "weight" in
    their name take part, normalisation included, biases not, as in the public code.

    Raises:
        Degenerate: if no gradient arrives.
    """
    gathered = Gathered(measures)
    device = device_of(model)
    rng = generator(seed, device)
    with pristine(model, seed), torch.enable_grad():
        excite(model, excitation, rng, gradients=True)
        named = [p for n, p in model.named_parameters() if "weight" in n and p.is_floating_point()]
        x = excitation.batch(device, dtype_of(model), rng)[:SAMPLES]
        try:
            output = called(model, x, excitation)
        except Exception as error:
            raise explained(error, excitation.input_shape) from error
        logits = logits_in(output, len(x))
        sums = logits.reshape(len(x), -1).sum(1)
        if not sums.requires_grad or not named:
            raise Degenerate("the output does not depend on the weights (disconnected)")
        rows = []
        for place in range(len(x)):
            gradients = torch.autograd.grad(
                sums[place], named, retain_graph=True, allow_unused=True, materialize_grads=True
            )
            rows.append(torch.cat([gradient.reshape(-1) for gradient in gradients]))
        stacked = torch.stack(rows)
        exact = stacked if stacked.dtype == torch.float64 else stacked.float()
        gathered.read("network", KernelEvidence(exact @ exact.T))
    return with_verdict(gathered, output, len(x), fresh=excitation.fresh)
