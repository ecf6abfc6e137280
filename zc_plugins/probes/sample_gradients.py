"""The loss's gradient for one sample at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zc_plugins._dry_run import dtype_of, explained
from zc_plugins._pristine import device_of, pristine
from zc_plugins._seeding import generator
from zc_plugins.errors import Degenerate, NoReadableLayers, Unscorable
from zc_plugins.probes._excite import called, excite
from zc_plugins.probes._loss import logits_in, loss_of, random_targets
from zc_plugins.probes._probe import Excitation, Gathered, Measure, Reading
from zc_plugins.probes._verdict import with_verdict
from zc_plugins.probes._weights import weight_matrices


@dataclass(frozen=True)
class SampleGradientEvidence:
    """One weight matrix.

    Attributes:
        name: of the layer.
        signs: sum over samples of the signs of their gradients, the weight's shape;
            infinite where the gradients of all samples are nothing but rounding, NaN where one is
            not finite, whose sign torch calls 0.
    """

    name: str
    signs: Tensor


def sample_gradients(
    model: nn.Module, excitation: Excitation, measures: Sequence[Measure], *, seed: int
) -> Reading:
    """One ``SampleGradientEvidence`` a weight matrix; each sample runs alone, in train mode.

    So batch normalisation uses one sample's own statistics, as in the public code.

    Raises:
        Unscorable: if the network cannot run on a single sample in train mode.
        Degenerate: if a loss does not depend on the weights.
    """
    gathered = Gathered(measures)
    device = device_of(model)
    rng, labels = generator(seed, device), generator(seed + 2**32, device)
    with pristine(model, seed), torch.enable_grad():
        excite(model, excitation, rng, gradients=True)
        named = dict(weight_matrices(model))
        if not named:
            raise NoReadableLayers("no convolution, linear, recurrent or attention weight to read")
        signs = [torch.zeros_like(p) for p in named.values()]
        x = excitation.batch(device, dtype_of(model), rng)
        outputs, margins, targets = [], [], excitation.targets
        for place in range(len(x)):
            sample = x[place : place + 1]
            try:
                output = called(model, sample, excitation)
            except Exception as error:
                if "more than 1 value per channel" in str(error):
                    raise Unscorable(
                        "batch normalisation of vectors cannot run on a single sample"
                    ) from error
                raise explained(error, excitation.input_shape) from error
            logits = logits_in(output, 1)
            wanted = (
                random_targets(logits, labels)
                if targets is None
                else targets[place : place + 1].to(device)
            )
            loss = loss_of(excitation, output, 1, wanted)
            if not loss.requires_grad:
                raise Degenerate("the loss does not depend on the weights (disconnected)")
            gradients = torch.autograd.grad(
                loss, list(named.values()), allow_unused=True, materialize_grads=True
            )
            torch._foreach_add_(signs, torch._foreach_sign(gradients))
            margins.append(_above_rounding(named.values(), gradients, loss))
            outputs.append(logits.detach())
        above = torch.stack(margins)
        rounding, broken = (above < 0).all(), above.isfinite().logical_not().any()
        for name, total in zip(named, signs, strict=True):
            signs_of = total.masked_fill(rounding, float("inf")).masked_fill(broken, float("nan"))
            gathered.read(name, SampleGradientEvidence(name, signs_of))
    return with_verdict(gathered, torch.cat(outputs), len(x), fresh=excitation.fresh)


def _above_rounding(weights: Iterable[Tensor], gradients: Sequence[Tensor], loss: Tensor) -> Tensor:
    """By how much the loss hangs on the weights more than by rounding; not finite as a gradient is.

    Negative where one image is normalised and then averaged: nothing of it is left.
    """
    parts = [(w.detach() * g).abs().sum() for w, g in zip(weights, gradients, strict=True)]
    hangs = torch.stack([part.to(loss.dtype) for part in parts]).sum()
    margin: Tensor = hangs - torch.finfo(loss.dtype).eps ** 0.5 * loss.detach().abs()
    return margin
