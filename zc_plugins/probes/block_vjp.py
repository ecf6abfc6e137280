"""Noise forward, and one vector-Jacobian product through each block as soon as it has run.

Alone, the graph is cut at every boundary: a block's backward runs right after its forward and frees
its activations, so that memory peaks at one block. Beside probes that need the whole graph, it is
kept for them. No parameter gradient is computed.

Lee and Ham, AZ-NAS, CVPR 2024, arXiv:2403.19232, section 3.2.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn

from zc_plugins.errors import Unscorable
from zc_plugins.probes._blocks import block_boundaries, first_tensor, named_run
from zc_plugins.probes._channels import Channels
from zc_plugins.probes._excite import autocast
from zc_plugins.probes._hooked import hooked
from zc_plugins.probes._layout import channels_last_rows, paired_rows
from zc_plugins.probes._probe import Gathered
from zc_plugins.probes._shared_pass import Run, SharedProbe, Steps


class BlockEvidence:
    """One block, while its tensors are at hand: what is not asked for is not computed.

    Attributes:
        name: of the module whose output bounds the block.
    """

    def __init__(
        self,
        name: str,
        feature: Tensor,
        before: Tensor | None,
        cotangent: Callable[[Tensor], Tensor],
        axes: tuple[int, int],
        *,
        keep_graph: bool = False,
    ) -> None:
        self.name = name
        self._feature, self._before, self._cotangent = feature, before, cotangent
        self._input_axis, self._output_axis = axes
        self._keep_graph = keep_graph

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
        if self._before is None:
            return None
        cotangent = self._cotangent(self._feature)
        gradient = None
        if self._feature.requires_grad:
            (gradient,) = torch.autograd.grad(
                self._feature,
                self._before,
                cotangent,
                allow_unused=True,
                retain_graph=self._keep_graph,
            )
        if gradient is None:
            gradient = torch.zeros_like(self._before)
        return paired_rows(gradient, cotangent, self._input_axis, self._output_axis)


def block_stage(run: Run, gathered: Gathered) -> Steps:
    """Hooks at the block boundaries.

    Raises:
        Unscorable: if there are no boundaries, or no block has run.
    """
    excitation = run.excitation
    names = block_boundaries(
        run.model,
        excitation.input_shape,
        declared=excitation.blocks,
        forward=excitation.forward,
        integer=excitation.integer_dtype is not None,
    )
    channels, boundaries = Channels(), {named_run(name): name for name in names}
    runs: Counter[str] = Counter()
    before: Tensor | None = None
    axis_before = 1

    def read(module_name: str, module: nn.Module, args: Any, output: Any) -> Any:
        nonlocal before, axis_before
        runs[module_name] += 1
        name = boundaries.get((module_name, runs[module_name]))
        feature = first_tensor(output)
        if name is None or feature is None or not feature.is_floating_point():
            return None
        axis = channels.axis(feature)
        cotangent = partial(_cotangent, run, len(gathered.layers), axis)
        evidence = BlockEvidence(
            name, feature, before, cotangent, (axis_before, axis), keep_graph=not run.cuts
        )
        with autocast(feature.device, None):
            gathered.read(name, evidence)
        last = len(gathered.layers) == len(names)
        before, following = _seam(feature, cuts=run.cuts, last=last)
        axis_before = axis
        run.stand_in(following, feature)
        return _with_first_tensor(output, following)

    modules = dict(run.model.named_modules())
    hooks = [hooked(modules[m], partial(read, m)) for m in dict.fromkeys(m for m, _ in boundaries)]
    yield [*channels.hooks(run.model), *hooks]
    if not gathered.layers:
        raise Unscorable(f"none of the blocks {names} runs in the forward pass")


def _seam(feature: Tensor, *, cuts: bool, last: bool) -> tuple[Tensor | None, Tensor]:
    """The next block's input to differentiate at, and what the network goes on with.

    Where no stage needs the whole graph, it begins anew here.
    """
    if cuts or not feature.requires_grad:
        feature = feature.detach()
        if last:
            return None, feature
        feature.requires_grad_()
    # The next block may write in place into what it gets, but not into what we differentiate.
    return None if last else feature, feature.clone()


def _cotangent(run: Run, place: int, axis: int, feature: Tensor) -> Tensor:
    given = run.excitation.cotangents
    if given is not None:
        return given(place, feature.shape).to(feature)
    channels_last = torch.channels_last
    if feature.dim() == 4 and axis == 1 and not feature.is_contiguous(memory_format=channels_last):
        # One network lays its sums out otherwise than another: the signs are to be the same.
        signs = random_signs(torch.empty_like(feature, memory_format=channels_last), run.rng)
        return signs.contiguous()
    return random_signs(feature, run.rng)


block_vjp = SharedProbe("block_vjp", block_stage, graph="blocks")


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
