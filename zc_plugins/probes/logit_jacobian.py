"""Each logit's derivative at one weight of each layer: the empirical Fisher information."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from zc_plugins._dry_run import dtype_of, explained
from zc_plugins._pristine import device_of, pristine
from zc_plugins._seeding import generator
from zc_plugins.errors import Degenerate, NoReadableLayers, Unscorable
from zc_plugins.probes._excite import autocast, called, excite
from zc_plugins.probes._loss import logits_in
from zc_plugins.probes._probe import Excitation, Gathered, Measure, Reading
from zc_plugins.probes._verdict import with_verdict
from zc_plugins.probes._weights import LAYERS

LARGEST = 128
"""At most so many layers take part, the first ones, as in the public code."""

UNIFORM = 0.05
"""Share of the uniform distribution that is mixed into the predicted one."""


@dataclass(frozen=True)
class FisherEvidence:
    """The whole network's Fisher information.

    Attributes:
        information: at one weight a layer, averaged over the batch: shape (weights, weights).
    """

    information: Tensor


def logit_jacobian(
    model: nn.Module, excitation: Excitation, measures: Sequence[Measure], *, seed: int
) -> Reading:
    """One ``FisherEvidence``; normalisation in evaluation mode, so that samples are independent.

    A layer is linear in its weights, so its output's derivative at one of them is the layer itself
    with that weight 1 and all others 0. That, times a zero a sample, is added to the output; the
    gradient at these zeros is the derivative of a logit for every sample at once. So the cost is a
    sweep back a class, whatever the number of layers.

    Raises:
        NoReadableLayers: without a convolution or linear layer.
        Unscorable: unless the output is of shape (batch, classes), two classes or more.
        Degenerate: if no logit depends on a layer.

    References:
        Tybl and Neumann, VKDNW, arXiv:2502.04975.
    """
    gathered = Gathered(measures)
    device = device_of(model)
    rng = generator(seed, device)
    with pristine(model, seed), torch.enable_grad():
        excite(model, excitation, rng, gradients=False)
        model.eval()
        layers = [module for module in model.modules() if isinstance(module, LAYERS)][:LARGEST]
        if not layers:
            raise NoReadableLayers("no convolution or linear layer to read")
        x = excitation.batch(device, dtype_of(model), rng)
        taps = [torch.zeros(len(x), device=device, requires_grad=True) for _ in layers]
        handles = [
            layer.register_forward_hook(_tapped(tap, rng))
            for layer, tap in zip(layers, taps, strict=True)
        ]
        try:
            output = called(model, x, excitation)
        except Exception as error:
            raise explained(error, excitation.input_shape) from error
        finally:
            for handle in handles:
                handle.remove()
        logits = logits_in(output, len(x))
        if logits.dim() != 2 or logits.shape[1] < 2:
            raise Unscorable(f"needs logits of shape (batch, classes), got {tuple(logits.shape)}")
        if not logits.requires_grad:
            raise Degenerate("no logit depends on a layer (disconnected)")
        columns = [
            torch.stack(
                torch.autograd.grad(
                    logits[:, place].sum(),
                    taps,
                    retain_graph=True,
                    allow_unused=True,
                    materialize_grads=True,
                )
            )
            for place in range(logits.shape[1])
        ]
        derivatives = torch.stack(columns).permute(2, 0, 1)  # (batch, classes, weights)
        with autocast(device, None):
            gathered.read("network", FisherEvidence(_information(logits.detach(), derivatives)))
    return with_verdict(gathered, output, len(x), fresh=excitation.fresh)


def _tapped(tap: Tensor, rng: torch.Generator) -> Any:
    """A hook that adds ``tap`` times the derivative at one random weight to a layer's output."""

    def hook(layer: nn.Module, args: Any, output: Tensor) -> Tensor:
        weight: Any = layer.weight
        if len(output) != len(tap):
            return output
        chosen = torch.zeros_like(weight).reshape(-1)
        place = torch.randint(len(chosen), (1,), generator=rng, device=rng.device)
        chosen = chosen.scatter(0, place, 1.0).reshape(weight.shape)
        only = {"weight": chosen}
        if layer.bias is not None:
            only["bias"] = torch.zeros_like(layer.bias)  # type: ignore[arg-type]
        # The class's own forward: calling the layer would run this hook again.
        derivative = torch.func.functional_call(
            _Plain(layer), {f"layer.{k}": v for k, v in only.items()}, args
        )
        moved: Tensor = output + derivative.detach() * tap.to(output.dtype).reshape(
            -1, *[1] * (output.dim() - 1)
        )
        return moved

    return hook


class _Plain(nn.Module):
    """A layer without its hooks."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, *args: Any) -> Any:
        return type(self.layer).forward(self.layer, *args)


def _information(logits: Tensor, derivatives: Tensor) -> Tensor:
    """Mean over samples of J^T (diag(p) - p p^T) J, with p mixed with the uniform distribution."""
    exact = logits if logits.dtype == torch.float64 else logits.float()
    shares = (1 - UNIFORM) * exact.softmax(1) + UNIFORM / exact.shape[1]
    jacobian = derivatives.to(exact.dtype)
    expected = torch.einsum("bc,bcw->bw", shares, jacobian)
    second = torch.einsum("bc,bcv,bcw->vw", shares, jacobian, jacobian)
    return (second - expected.T @ expected) / len(exact)
