"""What the rectifiers of a network let pass: functional ones too, wherever they are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from zc_plugins.errors import NoReadableLayers
from zc_plugins.probes._excite import autocast
from zc_plugins.probes._probe import Gathered
from zc_plugins.probes._shared_pass import Run, SharedProbe, Steps

RECTIFIERS = (
    "relu", "relu6", "leaky_relu", "rrelu", "prelu", "elu", "selu", "celu", "gelu", "silu", "mish",
    "hardswish", "hardtanh", "softplus", "threshold",
)  # fmt: skip
"""Activations that let positive inputs pass and hold negative ones back, by torch's names."""


class ActivationEvidence:
    """One run of one rectifier, while its input is at hand.

    Attributes:
        name: of the function, with the number of its run where it is not the first.
    """

    def __init__(self, name: str, entering: Tensor) -> None:
        self.name = name
        self._entering = entering

    @cached_property
    def active(self) -> Tensor:
        """1 where the rectifier lets its input pass, else 0; shape (batch, units), float32.

        Units stand in the order of the memory, the same for all samples.
        """
        x = self._entering.detach()
        if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
            x = x.permute(0, 2, 3, 1)
        return (x > 0).reshape(len(x), -1).float()


def activation_stage(run: Run, gathered: Gathered) -> Steps:
    """Listens to torch's functions during the forward, which needs no graph and no hook.

    Raises:
        NoReadableLayers: if no rectifier has run on the batch.
    """
    runs: Counter[str] = Counter()

    def read(function: str, entering: Tensor) -> None:
        batch_size = len(run.x)
        if entering.dim() > 2 and len(entering) != batch_size == entering.shape[1]:
            # Tokens first, as torch's attention and recurrent layers have it by default.
            entering = entering.transpose(0, 1)
        if entering.dim() < 2 or len(entering) != batch_size:
            return
        runs[function] += 1
        name = function if runs[function] == 1 else f"{function}@{runs[function]}"
        with torch.no_grad(), autocast(entering.device, None):
            gathered.read(name, ActivationEvidence(name, entering))

    yield [_Rectifiers(read)]
    if not gathered.layers:
        raise NoReadableLayers("no rectifier (ReLU, GELU, SiLU, ...) runs on the whole batch")


class _Rectifiers(TorchFunctionMode):
    """Calls ``read`` with the name and the input of each rectifier, before it may overwrite it."""

    def __init__(self, read: Callable[[str, Tensor], None]) -> None:
        super().__init__()
        self._read = read

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = _FUNCTIONS.get(func)
        if name is None and func in _CLAMPS:
            least = kwargs.get("min", args[1] if len(args) > 1 else None)
            name = "relu" if isinstance(least, (int, float)) and least == 0 else None
        if name is not None:
            entering = args[0] if args else kwargs["input"]
            self._read(name, entering)
        return func(*args, **kwargs)


_FUNCTIONS: dict[Any, str] = {
    function: name
    for name in RECTIFIERS
    for home in (F, torch, Tensor, torch._C._nn)
    for function in (getattr(home, name, None), getattr(home, f"{name}_", None))
    if function is not None
}
_CLAMPS = {torch.clamp, torch.clamp_min, Tensor.clamp, Tensor.clamp_min, Tensor.clamp_}

activations = SharedProbe("activations", activation_stage)
