"""Rectifier, convolution and batch normalisation in a row, found while the network runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from zc_plugins.probes._kept_from_writing import KeptFromWriting


@dataclass(eq=False)
class Triple:
    """One run of three layers.

    Attributes:
        name: of the convolution, with the number of its run where it is not the first.
        weight: of the convolution.
        tensors: ``T1`` what enters the rectifier, ``T2`` what enters the convolution, ``T4`` what
            leaves the normalisation, and ``T1G`` to ``T4G`` the gradients there; those that are
            wanted, the gradients once they have come.
        shapes: of all of them.
    """

    name: str
    weight: Tensor
    tensors: dict[str, Tensor] = field(default_factory=dict)
    shapes: dict[str, torch.Size] = field(default_factory=dict)


@dataclass(eq=False)
class _Rectified:
    """A rectifier's run; it holds its output, so that no other tensor gets its identity."""

    entering: Tensor
    output: Tensor
    version: int
    places: list[int] = field(default_factory=list)


@dataclass(eq=False)
class _Convolved:
    """The run of a convolution behind a rectifier, or behind such a convolution."""

    rectified: _Rectified
    entering: Tensor
    weight: Tensor
    output: Tensor
    version: int


class Triples(TorchFunctionMode):
    """Watches torch's functions during a forward, so functional layers count too.

    A triple is a batch normalisation of just what a convolution gave, which took just what a
    rectifier gave, or another convolution behind one (the depthwise part of a separable one).
    Hooks stand on the nodes of the graph, not on tensors or modules: the gradient at what enters
    is that by way of this layer alone, also where a tensor enters several.

    Args:
        model: of which the weights' names are.
        wanted: names in ``Triple.tensors``; without a gradient among them no hook is set.
        kept: enters around the same forward.
        arrived: called with the place of a triple when its last gradient is there; those that no
            gradient reaches are left to the caller.
    """

    def __init__(
        self,
        model: nn.Module,
        wanted: frozenset[str],
        kept: KeptFromWriting,
        arrived: Callable[[int], None],
    ) -> None:
        super().__init__()
        self.found: list[Triple] = []
        self._wanted, self._kept, self._arrived = wanted, kept, arrived
        self._names = {
            id(weight): name or "conv"
            for name, module in model.named_modules()
            if (weight := module._parameters.get("weight")) is not None
        }
        self._runs: Counter[str] = Counter()
        self._versions: dict[int, int] = {}
        self._rectified: dict[int, _Rectified] = {}
        self._convolved: dict[int, _Convolved] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        entering = args[0] if args else kwargs.get("input")
        if not isinstance(entering, Tensor):
            return func(*args, **kwargs)
        if func in _RECTIFIERS or (func is F.hardtanh and _lower_bound(args, kwargs) == 0):
            return self._rectify(func, entering, args, kwargs)
        output = func(*args, **kwargs)
        if func is torch.conv2d and entering.dim() == 4:
            self._convolve(entering, args[1] if len(args) > 1 else kwargs["weight"], output)
        elif func in _NORMALISATIONS:
            self._normalise(entering, output)
        return output

    def forget(self) -> None:
        """Let go of what only the forward needs."""
        self._rectified.clear()
        self._convolved.clear()

    def tensor(self, place: int, name: str) -> Tensor:
        """A triple's tensor, as it was when its layer ran; zeros for a gradient that never came."""
        triple = self.found[place]
        if name not in triple.tensors:
            return triple.weight.new_zeros(triple.shapes[name])
        held = triple.tensors[name]
        return self._kept.copy_of(held).detach() if name in ("T1", "T2", "T4") else held

    def _held(self, name: str, tensor: Tensor) -> Tensor:
        """The tensor, looked after if it is wanted."""
        if name not in self._wanted:
            return tensor
        if self._versions.setdefault(id(tensor), tensor._version) != tensor._version:
            # It was read before, and is another by now.
            tensor = tensor.detach().clone()
        self._kept.watch(tensor)
        return tensor

    def _rectify(self, func: Any, entering: Tensor, args: Any, kwargs: Any) -> Any:
        before, held = entering._version, entering
        if "T1" in self._wanted and _may_overwrite(func, args, kwargs):
            held = entering.detach().clone()
        output = func(*args, **kwargs)
        if held is not entering:
            self._kept.watch(held)
        elif entering._version == before:
            held = self._held("T1", entering)
        self._rectified[id(output)] = _Rectified(held, output, output._version)
        return output

    def _convolve(self, entering: Tensor, weight: Tensor, output: Tensor) -> None:
        behind = self._rectified.get(id(entering))
        before = self._convolved.get(id(entering))
        # What was written into since is no longer what the layer gave.
        if behind is not None and behind.version != entering._version:
            behind = None
        if behind is None and before is not None and before.version == entering._version:
            behind = before.rectified
        if behind is not None:
            held = self._held("T2", entering)
            self._convolved[id(output)] = _Convolved(behind, held, weight, output, output._version)

    def _normalise(self, entering: Tensor, output: Tensor) -> None:
        convolved = self._convolved.get(id(entering))
        if convolved is None or convolved.version != entering._version:
            return
        name = self._names.get(id(convolved.weight), "conv2d")
        self._runs[name] += 1
        runs = self._runs[name]
        triple = Triple(name if runs == 1 else f"{name}@{runs}", convolved.weight)
        rectified = convolved.rectified
        held = {
            "T1": rectified.entering,
            "T2": convolved.entering,
            "T4": self._held("T4", output),
        }
        for key, tensor in {**held, "T3": triple.weight}.items():
            triple.shapes |= {key: tensor.shape, f"{key}G": tensor.shape}
        triple.tensors |= {key: tensor for key, tensor in held.items() if key in self._wanted}
        place = len(self.found)
        self.found.append(triple)
        if any(key.endswith("G") for key in self._wanted):
            self._hook(place, rectified, convolved.output, output)

    def _hook(self, place: int, rectified: _Rectified, middle: Tensor, last: Tensor) -> None:
        # A hook that held a tensor would keep the graph alive that keeps the hook.
        places = rectified.places

        def at_last(inputs: Any, outputs: Any) -> None:
            self._keep(place, "T4G", outputs[0])

        def at_middle(inputs: Any, outputs: Any) -> None:
            self._keep(place, "T2G", inputs[0])
            self._keep(place, "T3G", inputs[1])

        def at_first(inputs: Any, outputs: Any) -> None:
            for other in places:
                self._keep(other, "T1G", inputs[0])
                self._arrived(other)

        for tensor, hook in ((last, at_last), (middle, at_middle)):
            if tensor.grad_fn is not None:
                tensor.grad_fn.register_hook(hook)
        if not places and rectified.output.grad_fn is not None:
            rectified.output.grad_fn.register_hook(at_first)
        places.append(place)

    def _keep(self, place: int, name: str, gradient: Tensor | None) -> None:
        if name in self._wanted and gradient is not None:
            self.found[place].tensors[name] = gradient


def _lower_bound(args: Any, kwargs: Any) -> Any:
    """Of a hard tanh; that of ReLU6 is 0."""
    return args[1] if len(args) > 1 else kwargs.get("min_val", -1.0)


def _may_overwrite(func: Any, args: Any, kwargs: Any) -> bool:
    """Whether a rectifier writes into its argument."""
    named = getattr(func, "__name__", "").endswith("_")
    return named or kwargs.get("inplace") is True or any(flag is True for flag in args[1:])


_RECTIFIERS = {torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.relu, F.relu_, F.relu6}
_NORMALISATIONS = {F.batch_norm, torch.batch_norm}
