"""The loss's Hessian times its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from zc_plugins._dry_run import dtype_of, explained
from zc_plugins._pristine import device_of, pristine
from zc_plugins._seeding import generator
from zc_plugins.errors import Degenerate, NoReadableLayers
from zc_plugins.probes._batch_norm import normalise_twice_differentiably
from zc_plugins.probes._excite import called, excite
from zc_plugins.probes._layout import exact
from zc_plugins.probes._loss import logits_in, loss_of, random_targets
from zc_plugins.probes._probe import Excitation, Gathered, Measure, Reading
from zc_plugins.probes._verdict import with_verdict
from zc_plugins.probes._weights import weight_matrices


@dataclass(frozen=True)
class HessianEvidence:
    """One weight matrix.

    Attributes:
        name: of the layer.
        weight: any shape.
        gradient: of the loss, the weight's shape.
        hessian_gradient: the Hessian times the gradient over all weight matrices, the weight's
            shape.
    """

    name: str
    weight: Tensor
    gradient: Tensor
    hessian_gradient: Tensor


def hessian(
    model: nn.Module, excitation: Excitation, measures: Sequence[Measure], *, seed: int
) -> Reading:
    """One ``HessianEvidence`` a weight matrix, by differentiating the gradient once more.

    Raises:
        NoReadableLayers: without a weight matrix.
        Degenerate: if the loss does not depend on the weights.
    """
    gathered = Gathered(measures)
    device = device_of(model)
    rng, labels = generator(seed, device), generator(seed + 2**32, device)
    # Only the plain attention can be differentiated twice.
    with pristine(model, seed), torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        excite(model, excitation, rng, gradients=True)
        normalise_twice_differentiably(model)
        matrices = dict(weight_matrices(model))
        if not matrices:
            raise NoReadableLayers("no convolution, linear, recurrent or attention weight to read")
        x = excitation.batch(device, dtype_of(model), rng)
        try:
            output = called(model, x, excitation)
        except Exception as error:
            raise explained(error, excitation.input_shape) from error
        targets = excitation.targets
        if targets is None:
            targets = random_targets(logits_in(output, len(x)), labels)
        loss = loss_of(excitation, output, len(x), targets.to(device))
        if not loss.requires_grad:
            raise Degenerate("the loss does not depend on the weights (disconnected)")
        wanted = list(matrices.values())
        gradients = torch.autograd.grad(
            loss, wanted, create_graph=True, allow_unused=True, materialize_grads=True
        )
        along = sum((g.detach() * g).sum() for g in gradients)
        if not isinstance(along, Tensor) or not along.requires_grad:
            raise Degenerate("the gradient does not depend on the weights (disconnected)")
        seconds = torch.autograd.grad(along, wanted, allow_unused=True, materialize_grads=True)
        for (name, weight), gradient, second in zip(
            matrices.items(), gradients, seconds, strict=True
        ):
            evidence = HessianEvidence(
                name, exact(weight.detach()), exact(gradient.detach()), exact(second)
            )
            gathered.read(name, evidence)
    return with_verdict(gathered, output, len(x), fresh=excitation.fresh)
