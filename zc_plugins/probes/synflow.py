"""Absolute weights, an input of ones: how much signal each weight lets pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from zc_plugins._dry_run import explained
from zc_plugins._pristine import device_of, pristine
from zc_plugins._seeding import generator
from zc_plugins.errors import Degenerate, NoReadableLayers
from zc_plugins.probes._excite import excite
from zc_plugins.probes._loss import logits_in
from zc_plugins.probes._pooling import right_pooling
from zc_plugins.probes._probe import Excitation, Gathered, Measure, Reading, to_host
from zc_plugins.probes._weights import weight_matrices
from zc_plugins.probes.task import WeightEvidence

_NORMALISATIONS = (
    nn.modules.batchnorm._NormBase,
    nn.GroupNorm,
    nn.LayerNorm,
    nn.RMSNorm,
    nn.LocalResponseNorm,
)


def synflow(
    model: nn.Module, excitation: Excitation, measures: Sequence[Measure], *, seed: int
) -> Reading:
    """One ``WeightEvidence`` a weight matrix: its absolute value, and the gradient of the output.

    One sample of ones runs through the network with absolute parameters, without normalisation and
    dropout, in float64, since the sum of the outputs reaches 1e60. Metal has float32 only.

    Raises:
        Degenerate: if the output does not depend on any weight.

    References:
        Tanaka et al., NeurIPS 2020, arXiv:2006.05467; Abdelfattah et al., ICLR 2021.
    """
    gathered = Gathered(measures)
    device = device_of(model)
    exact = torch.float32 if device.type == "mps" else torch.float64
    with pristine(model, seed), torch.enable_grad():
        excite(model, excitation, generator(seed, device), gradients=True)
        for module in model.modules():
            if isinstance(module, _NORMALISATIONS):
                vars(module)["forward"] = _identity
            elif isinstance(module, nn.modules.dropout._DropoutNd):
                module.eval()
        _absolute(model, exact)
        kind = excitation.integer_dtype or exact
        x = torch.ones(1, *excitation.input_shape, dtype=kind, device=device)
        try:
            with right_pooling(device):
                output = model(x) if excitation.forward is None else excitation.forward(model, x)
        except Exception as error:
            raise explained(error, excitation.input_shape) from error
        total = logits_in(output, 1).sum()
        if not total.requires_grad:
            raise Degenerate("the output does not depend on the weights (disconnected)")
        matrices = dict(weight_matrices(model))
        if not matrices:
            raise NoReadableLayers("no convolution, linear, recurrent or attention weight to read")
        gradients = torch.autograd.grad(total, list(matrices.values()), allow_unused=True)
        for (name, weight), gradient in zip(matrices.items(), gradients, strict=True):
            reached = torch.zeros_like(weight) if gradient is None else gradient
            gathered.read(name, WeightEvidence(name, True, weight.detach(), reached))
    reading = to_host(gathered.layers, gathered.columns)
    return replace(reading, errors=gathered.errors)


def _absolute(model: nn.Module, dtype: torch.dtype) -> None:
    for parameter in model.parameters():
        if parameter.is_floating_point():
            parameter.grad = None
            parameter.data = parameter.data.abs().to(dtype)
    for module in model.modules():
        for name, buffer in module._buffers.items():
            if buffer is not None and buffer.is_floating_point():
                module._buffers[name] = buffer.to(dtype)


def _identity(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    return x
