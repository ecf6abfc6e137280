"""Each logit's derivative at one weight of each layer: the empirical Fisher information."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

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
        NoReadableLayers: if no convolution or linear layer runs on the whole batch.
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
        x = excitation.batch(device, dtype_of(model), rng)
        taps: list[Tensor] = []
        handles = [layer.register_forward_hook(_tapped(taps, len(x), rng)) for layer in layers]
        try:
            with _python_attention():
                output = called(model, x, excitation)
        except Exception as error:
            raise explained(error, excitation.input_shape) from error
        finally:
            for handle in handles:
                handle.remove()
        if any(type(layer).forward.__module__.partition(".")[0] != "torch" for layer in layers):
            raise Unscorable("a layer of your own may not be linear in its weight")
        if not taps:
            raise NoReadableLayers("no convolution or linear layer runs on the whole batch")
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


def _tapped(taps: list[Tensor], batch_size: int, rng: torch.Generator) -> Any:
    """A hook that adds a zero a sample times the derivative at one random weight to the output.

    The zeros join ``taps`` when the layer first runs; every later run has the same weight.
    """
    chosen: Tensor | None = None
    tap: Tensor | None = None

    def hook(layer: nn.Module, args: Any, output: Tensor) -> Tensor:
        nonlocal chosen, tap
        if len(output) != batch_size:
            return output
        if chosen is None or tap is None:
            weight: Any = layer.weight
            place = torch.randint(weight.numel(), (1,), generator=rng, device=rng.device)
            flat = torch.zeros_like(weight).reshape(-1)
            chosen = flat.scatter(0, place, 1.0).reshape(weight.shape)
            kind = torch.float64 if output.dtype == torch.float64 else torch.float32
            tap = torch.zeros(batch_size, dtype=kind, device=output.device, requires_grad=True)
            taps.append(tap)
        derivative = _with_weight(layer, chosen, *args).detach()
        along = tap.to(output.dtype).reshape(-1, *[1] * (output.dim() - 1))
        moved: Tensor = output + derivative * along
        return moved

    return hook


def _with_weight(layer: nn.Module, weight: Tensor, *args: Any) -> Tensor:
    """The layer's output with another weight, without bias and hooks."""
    # The weight of a parametrised layer is a property of a class made for it.
    kind: Any = type(layer).__mro__[1] if is_parametrized(layer) else type(layer)
    other = kind.__new__(kind)
    bias: Any = layer.bias
    bias = None if bias is None else torch.zeros_like(bias)
    vars(other).update(vars(layer), weight=weight, bias=bias)
    output: Tensor = kind.forward(other, *args)
    return output


@contextmanager
def _python_attention() -> Iterator[None]:
    """Attention layer by layer: in evaluation mode torch has one kernel that runs no hook."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _information(logits: Tensor, derivatives: Tensor) -> Tensor:
    """Mean over samples of J^T (diag(p) - p p^T) J, with p mixed with the uniform distribution."""
    exact = logits if logits.dtype == torch.float64 else logits.float()
    shares = (1 - UNIFORM) * exact.softmax(1) + UNIFORM / exact.shape[1]
    jacobian = derivatives.to(exact.dtype)
    expected = torch.einsum("bc,bcw->bw", shares, jacobian)
    second = torch.einsum("bc,bcv,bcw->vw", shares, jacobian, jacobian)
    return (second - expected.T @ expected) / len(exact)
