"""Noise forward, and one vector-Jacobian product through each block as soon as it has run."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from zc_plugins._dry_run import dtype_of, explained
from zc_plugins._pristine import device_of, initialise, pristine
from zc_plugins._seeding import generator
from zc_plugins.errors import Unscorable
from zc_plugins.probes._blocks import block_boundaries, first_tensor, named_run
from zc_plugins.probes._layout import channels_last_rows, paired_rows
from zc_plugins.probes._probe import Excitation, Measure, Reading, to_host
from zc_plugins.probes._verdict import output_fault, output_verdict


class BlockEvidence:
    """One block, while its tensors are at hand: what is not asked for is not computed.

    Attributes:
        name: of the module whose output bounds the block.
    """

    def __init__(
        self, name: str, feature: Tensor, leaf: Tensor | None, cotangent: Any, axes: tuple[int, int]
    ) -> None:
        self.name = name
        self._feature, self._leaf, self._cotangent = feature, leaf, cotangent
        self._input_axis, self._output_axis = axes

    @property
    def feature(self) -> Tensor:
        """The block's output, of shape (batch x positions, channels), float32 or float64."""
        return channels_last_rows(self._feature.detach(), self._output_axis)

    @cached_property
    def pullback(self) -> tuple[Tensor, Tensor] | None:
        """The cotangent pulled back to the block's input, and the cotangent; None for the first.

        Both of shape (batch x positions, channels) over the same positions: where the block
        changes the resolution, the finer side's neighbouring positions become channels. The
        cotangent's entries are +1 and -1. The pullback is zero where no gradient passes.
        """
        if self._leaf is None:
            return None
        cotangent = self._cotangent(self._feature)
        gradient = None
        if self._feature.requires_grad:
            (gradient,) = torch.autograd.grad(
                self._feature, self._leaf, cotangent, allow_unused=True
            )
        if gradient is None:
            gradient = torch.zeros_like(self._leaf)
        return paired_rows(gradient, cotangent, self._input_axis, self._output_axis)


def block_vjp(
    model: nn.Module, excitation: Excitation, measures: Sequence[Measure], *, seed: int
) -> Reading:
    """Forward of Gaussian noise; each block's pullback of random signs, block by block.

    The graph is cut at every boundary: a block's backward runs right after its forward and frees
    its activations, so that memory peaks at one block, and no parameter gradient is computed.
    Measures read ``BlockEvidence``; layers of the reading are the boundary modules' names. An
    output that is NaN or, with fresh weights, the same for all samples is a fault of the network.

    Raises:
        Unscorable: if no block boundary is found, or none of them runs.
        InputShapeMismatch: if the network refuses the input.

    References:
        Lee and Ham, AZ-NAS, CVPR 2024, arXiv:2403.19232, section 3.2.
    """
    names = block_boundaries(
        model,
        excitation.input_shape,
        declared=excitation.blocks,
        forward=excitation.forward,
        integer=excitation.integer_dtype is not None,
    )
    device = device_of(model)
    rng = generator(seed, device)
    sweep = _Sweep(names, measures, excitation, rng)
    with pristine(model, seed), torch.enable_grad():
        model.train()
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        if excitation.initialisation == "kaiming_normal":
            initialise(model, rng, channels_last=excitation.channels_last)
        x = excitation.batch(device, dtype_of(model), rng)
        handles = sweep.attach(model)
        try:
            with _autocast(device, excitation.autocast):
                output = model(x) if excitation.forward is None else excitation.forward(model, x)
        except Exception as error:
            raise explained(error, excitation.input_shape) from error
        finally:
            for handle in handles:
                handle.remove()
    if not sweep.reached:
        raise Unscorable(f"none of the blocks {names} runs in the forward pass")
    # One more column, so that the verdict comes along in the same transfer.
    reading = to_host(sweep.reached, [*sweep.gathered, output_verdict(output, len(x))])
    *statistics, verdict = reading.statistics
    fault = output_fault(verdict, fresh=excitation.initialisation == "kaiming_normal")
    return Reading(reading.layers, tuple(statistics), fault)


class _Sweep:
    """The hooks of one pass, and the small results that they keep."""

    def __init__(
        self,
        names: Sequence[str],
        measures: Sequence[Measure],
        excitation: Excitation,
        rng: torch.Generator,
    ) -> None:
        self.names, self.measures = tuple(names), measures
        self.given_cotangents, self.rng = excitation.cotangents, rng
        self.gathered: list[list[tuple[str, Tensor]]] = [[] for _ in measures]
        self.reached: list[str] = []
        self.leaf: Tensor | None = None
        self.leaf_axis = 1
        self.last_layer: nn.Module | None = None

    def attach(self, model: nn.Module) -> list[Any]:
        """Hook the boundaries, and the layers that tell where channels lie."""
        modules = dict(model.named_modules())
        handles = [
            module.register_forward_hook(self._remember)
            for module in modules.values()
            if isinstance(module, (nn.modules.conv._ConvNd, nn.Linear, nn.LayerNorm))
        ]
        for name in dict.fromkeys(named_run(boundary)[0] for boundary in self.names):
            handles.append(modules[name].register_forward_hook(self._hook(name)))
        return handles

    def _remember(self, module: nn.Module, args: Any, output: Any) -> None:
        tensor = first_tensor(output)
        # A squeezed vector, or a norm over whole images, does not tell where channels lie.
        spatial = tensor is not None and tensor.dim() > 2
        if spatial and len(getattr(module, "normalized_shape", (0,))) == 1:
            self.last_layer = module

    def _hook(self, module_name: str) -> Any:
        boundaries = {named_run(name): name for name in self.names}
        runs = itertools.count(1)

        def hook(module: nn.Module, args: Any, output: Any) -> Any:
            name = boundaries.get((module_name, next(runs)))
            feature = first_tensor(output)
            if name is None or feature is None or not feature.is_floating_point():
                return None
            axis = _channel_axis(feature, self.last_layer)
            evidence = BlockEvidence(
                name, feature, self.leaf, self._cotangent, (self.leaf_axis, axis)
            )
            with _autocast(feature.device, None):
                for measure, column in zip(self.measures, self.gathered, strict=True):
                    statistic = measure(evidence)
                    if statistic is not None:
                        column.append((name, torch.as_tensor(statistic)))
            self.reached.append(name)
            # The graph ends here and begins anew; after the last block none is needed.
            following = feature.detach()
            self.leaf, self.leaf_axis = None, axis
            if len(self.reached) < len(self.names):
                self.leaf = following.requires_grad_()
                # In-place operations are forbidden on a leaf.
                following = self.leaf.clone()
            return _with_first_tensor(output, following)

        return hook

    def _cotangent(self, feature: Tensor) -> Tensor:
        if self.given_cotangents is None:
            return random_signs(feature, self.rng)
        return self.given_cotangents(len(self.reached), feature.shape).to(feature)


def random_signs(like: Tensor, rng: torch.Generator) -> Tensor:
    """Independent +1 and -1 with the shape, layout and type of ``like``.

    Each random word gives 32 signs: drawing numbers one by one costs a tenth of the whole probe.
    """
    count = like.numel()
    words = torch.empty(-(-count // 32), dtype=torch.int32, device=like.device)
    words.random_(-(2**31), 2**31 - 1, generator=rng)
    shifts = torch.arange(32, dtype=torch.int32, device=like.device)
    signs = (words[:, None] << shifts).bitwise_and_(-(2**31)).bitwise_or_(0x3F800000)
    flat = signs.view(torch.float32).reshape(-1)[:count].to(like.dtype)
    layout = torch.empty_like(like)
    return flat.as_strided(layout.shape, layout.stride())


def _channel_axis(feature: Tensor, last_layer: nn.Module | None) -> int:
    """Axis of the channels: as the last convolution, linear or layer-norm module left them.

    Where a linear or layer-norm module ran on permuted images, the axis of its size; where both
    axes have that size, the last.
    """
    if feature.dim() < 3 or isinstance(last_layer, nn.modules.conv._ConvNd):
        return 1
    channels = getattr(last_layer, "out_features", None)
    if channels is None:
        channels = next(iter(getattr(last_layer, "normalized_shape", ())), None)
    if channels is not None and feature.shape[-1] != channels == feature.shape[1]:
        return 1
    return feature.dim() - 1


def _with_first_tensor(output: Any, tensor: Tensor) -> Any:
    """The module's output with its first tensor replaced, in the same nesting."""
    if isinstance(output, Tensor):
        return tensor
    if isinstance(output, dict):
        key = next(k for k, value in output.items() if first_tensor(value) is not None)
        # A copy keeps the mapping's type: some have their items as attributes too.
        mapping = copy.copy(output)
        mapping[key] = _with_first_tensor(output[key], tensor)
        return mapping
    place = next(i for i, value in enumerate(output) if first_tensor(value) is not None)
    replaced = [*output]
    replaced[place] = _with_first_tensor(output[place], tensor)
    fields = getattr(output, "_fields", None)
    return type(output)(*replaced) if fields else type(output)(replaced)


def _autocast(device: torch.device, dtype: torch.dtype | None) -> Any:
    if device.type == "mps" and dtype is None:
        return nullcontext()
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)
