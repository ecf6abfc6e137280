"""Noise forward, and one vector-Jacobian product through each block as soon as it has run.

Alone, the graph is cut at every boundary: a block's backward runs right after its forward and frees
its activations, so that memory peaks at one block. Beside probes that need the whole graph, it is
kept for them. No parameter gradient is computed.

Lee and Ham, AZ-NAS, CVPR 2024, arXiv:2403.19232, section 3.2.
"""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from zc_plugins.errors import Unscorable
from zc_plugins.probes._blocks import block_boundaries, first_tensor, named_run
from zc_plugins.probes._channels import Channels
from zc_plugins.probes._excite import autocast
from zc_plugins.probes._layout import channels_last_rows, paired_rows
from zc_plugins.probes._probe import Excitation, Gathered, Measure
from zc_plugins.probes._shared_pass import Run, SharedProbe


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


class BlockStage:
    """The hooks at the block boundaries, and the small results that they keep."""

    graph: ClassVar[str] = "blocks"

    def __init__(
        self, model: nn.Module, excitation: Excitation, measures: Sequence[Measure]
    ) -> None:
        self.names = block_boundaries(
            model,
            excitation.input_shape,
            declared=excitation.blocks,
            forward=excitation.forward,
            integer=excitation.integer_dtype is not None,
        )
        self.gathered = Gathered(measures)
        self.before: Tensor | None = None
        self.axis_before = 1
        self.channels = Channels()

    def attach(self, run: Run) -> Iterator[Any]:
        """Hook the boundaries, and the layers that tell where channels lie."""
        modules = dict(run.model.named_modules())
        yield from self.channels.attach(run.model)
        for name in dict.fromkeys(named_run(boundary)[0] for boundary in self.names):
            yield modules[name].register_forward_hook(self._hook(name, run))

    def finish(self, run: Run) -> None:
        """All was read on the way.

        Raises:
            Unscorable: if no block has run.
        """
        if not self.gathered.layers:
            raise Unscorable(f"none of the blocks {self.names} runs in the forward pass")

    def _hook(self, module_name: str, run: Run) -> Any:
        boundaries = {named_run(name): name for name in self.names}
        runs = itertools.count(1)

        def hook(module: nn.Module, args: Any, output: Any) -> Any:
            name = boundaries.get((module_name, next(runs)))
            feature = first_tensor(output)
            if name is None or feature is None or not feature.is_floating_point():
                return None
            axis = self.channels.axis(feature)
            evidence = BlockEvidence(
                name,
                feature,
                self.before,
                functools.partial(self._cotangent, run),
                (self.axis_before, axis),
                keep_graph=not run.cuts,
            )
            with autocast(feature.device, None):
                self.gathered.read(name, evidence)
            following = self._following(feature, axis, run)
            run.stand_in(following, feature)
            return _with_first_tensor(output, following)

        return hook

    def _following(self, feature: Tensor, axis: int, run: Run) -> Tensor:
        """What the next block gets: where no stage needs the whole graph, it begins anew here."""
        self.before, self.axis_before = None, axis
        last = len(self.gathered.layers) == len(self.names)
        if run.cuts or not feature.requires_grad:
            feature = feature.detach()
            if last:
                return feature
            feature.requires_grad_()
        self.before = None if last else feature
        # The next block may write in place into what it gets, but not into what we differentiate.
        return feature.clone()

    def _cotangent(self, run: Run, feature: Tensor) -> Tensor:
        given = run.excitation.cotangents
        if given is None:
            return random_signs(feature, run.rng)
        return given(len(self.gathered.layers), feature.shape).to(feature)


block_vjp = SharedProbe("block_vjp", BlockStage)


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
