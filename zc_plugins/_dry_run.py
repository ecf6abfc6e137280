"""A forward pass that computes shapes only: on the meta device, where that is possible."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode

from zc_plugins._pristine import copy_weights, device_of, pristine
from zc_plugins.errors import InputShapeMismatch, InvalidArgument

Graph = Literal["none", "input", "weights"]
Forward = Callable[[nn.Module, Any], Any]

_SHAPE_WORDS = ("shape", "size", "channels", "dimension", "mat1 and mat2", "d input")


def dtype_of(model: nn.Module) -> torch.dtype:
    """The first floating parameter's type; float32 if there is none."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)


def dry_run(
    model: nn.Module,
    input_shape: tuple[int, ...],
    *,
    batch_size: int = 2,
    forward: Forward | None = None,
    graph: Graph = "none",
    dtype: torch.dtype | None = None,
    around: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> tuple[Tensor, Any]:
    """Run the network in train mode without computing values; the network is not changed.

    The meta device costs neither memory nor arithmetic. A network that cannot run there (its
    control flow reads values, say) runs where it lies instead, on zeros.

    Args:
        model: any network of one input.
        input_shape: of one sample, without the batch axis.
        batch_size: batch normalisation in train mode needs at least 2.
        forward: how to call the network; ``model(x)`` by default.
        graph: what autograd records: nothing, the paths from the input to the output, or those
            and the paths from the weights, as in training.
        dtype: of the input; the network's where None.
        around: entered around each run of the network, so that a caller who counts along begins
            anew where the first run breaks; it sees nothing of the preparations.

    Returns:
        The input that was used and the network's output.

    Raises:
        InputShapeMismatch: if the network refuses this shape on both devices.
    """
    caller = _Caller(model, forward)
    shape, differentiable = (batch_size, *input_shape), graph != "none"
    dtype = dtype_of(model) if dtype is None else dtype
    with pristine(model, seed=0, weights=False), torch.set_grad_enabled(differentiable):
        model.train()
        for parameter in model.parameters():
            parameter.requires_grad_(graph == "weights" and parameter.is_floating_point())
        try:
            x = _zeros(shape, dtype, torch.device("meta"), differentiable)
            on_meta = _on_meta(caller)
            with _QuickShapes(), around():  # type: ignore[no-untyped-call]
                return x, torch.func.functional_call(caller, on_meta, (x,), tie_weights=False)
        except Exception:
            # Whatever the reason on the meta device, the real device has the last word.
            copy_weights(model)
            x = _zeros(shape, dtype, device_of(model), differentiable)
            try:
                with around():
                    return x, caller(x)
            except Exception as error:
                raise explained(error, input_shape) from error


def explained(error: Exception, input_shape: tuple[int, ...]) -> Exception:
    """The error as the user should read it: a refused input shape names argument and remedy."""
    if isinstance(error, (RuntimeError, ValueError, IndexError, AssertionError)) and any(
        word in str(error).lower() for word in _SHAPE_WORDS
    ):
        return InputShapeMismatch(
            f"input_shape={tuple(input_shape)} does not fit the network: {error}. "
            "Pass the shape of one sample without the batch axis, e.g. (3, 32, 32)"
        )
    return error


def checked_shape(input_shape: Any) -> tuple[int, ...]:
    """``input_shape`` as a tuple of positive ints.

    Raises:
        InvalidArgument: if it is anything else.
    """
    try:
        shape = tuple(map(operator.index, input_shape))
    except TypeError:
        shape = ()
    if not shape or min(shape) < 1:
        raise InvalidArgument(
            f"input_shape must be the positive sizes of one sample without the batch axis, "
            f"got {input_shape!r}: pass e.g. (3, 32, 32)"
        )
    return shape


class _QuickShapes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Shapes of the commonest layers without torch's Python kernels, which take milliseconds.

    Convolution, batch normalisation, ReLU, sums and multiples were nine tenths of the time that a
    residual network took. What looks unusual is left to torch.
    """

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        x = args[0] if func in _QUICK and not kwargs else None
        if isinstance(x, Tensor) and x.is_meta and _is_dense(x):
            with no_dispatch():
                if func is _CONVOLUTION:
                    shape = _convolved(*args)
                    if shape is not None:
                        return x.new_empty(shape)
                elif func in _BATCH_NORMS:
                    return _like(x), x.new_empty(x.shape[1]), x.new_empty(x.shape[1])
                elif func is torch.ops.aten.relu.default or _alike(x, args[1]):
                    return _like(x)
        return func(*args, **(kwargs or {}))


_CONVOLUTION = torch.ops.aten.convolution.default
_BATCH_NORMS = (
    torch.ops.aten.native_batch_norm.default,
    torch.ops.aten._native_batch_norm_legit.default,
)
_QUICK = (
    _CONVOLUTION,
    *_BATCH_NORMS,
    torch.ops.aten.relu.default,
    torch.ops.aten.add.Tensor,
    torch.ops.aten.mul.Tensor,
)


def _is_dense(x: Tensor) -> bool:
    return x.is_contiguous() or (
        x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
    )


def _like(x: Tensor) -> Tensor:
    # Unlike empty_like, not one of torch's Python kernels.
    return torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device)


def _alike(x: Tensor, other: Any) -> bool:
    """Whether their sum and product look like the first."""
    if isinstance(other, (int, float)):
        return x.is_floating_point()
    return (
        isinstance(other, Tensor)
        and (x.shape, x.dtype, x.device) == (other.shape, other.dtype, other.device)
        and x.stride() == other.stride()
    )


def _convolved(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> tuple[int, ...] | None:
    """Shape of a convolution's output; None where torch must say, or refuse."""
    fits = (
        not transposed
        and x.dim() == weight.dim()
        and x.dtype == weight.dtype
        and x.shape[1] == weight.shape[1] * groups
        and x.is_contiguous()
        and weight.is_contiguous()
    )
    if not fits:
        return None
    kernel = weight.shape[2:]
    axes = zip(x.shape[2:], kernel, _spread(stride, kernel), _spread(padding, kernel),
               _spread(dilation, kernel), strict=True)  # fmt: skip
    sizes = [(n + 2 * pad - far * (k - 1) - 1) // step + 1 for n, k, step, pad, far in axes]
    return (x.shape[0], weight.shape[0], *sizes) if min(sizes) > 0 else None


def _spread(setting: Sequence[int], kernel: Sequence[int]) -> Sequence[int]:
    return tuple(setting) * len(kernel) if len(setting) == 1 else setting


class _Caller(nn.Module):
    def __init__(self, model: nn.Module, forward: Forward | None) -> None:
        super().__init__()
        self.model = model
        self._forward = forward

    def forward(self, x: Tensor) -> Any:
        return self.model(x) if self._forward is None else self._forward(self.model, x)


def _on_meta(caller: nn.Module) -> dict[str, Tensor]:
    """Stand-ins on the meta device, tied where the network's tensors are.

    One name for each module: functional_call restores a module that it knows by two names wrongly.
    """
    made: dict[int, Tensor] = {}
    stand_ins = {}
    for prefix, module in caller.named_modules():
        for name, tensor in (*module._parameters.items(), *module._buffers.items()):
            if tensor is None:
                continue
            if id(tensor) not in made:
                made[id(tensor)] = torch.empty_like(
                    tensor, device="meta", requires_grad=tensor.requires_grad
                )
            stand_ins[f"{prefix}.{name}" if prefix else name] = made[id(tensor)]
    return stand_ins


def _zeros(
    shape: tuple[int, ...], dtype: torch.dtype, device: torch.device, differentiable: bool
) -> Tensor:
    x = torch.zeros(shape, dtype=dtype, device=device)
    return x.requires_grad_(differentiable and dtype.is_floating_point)
