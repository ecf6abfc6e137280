"""A forward pass that computes shapes only: on the meta device, where that is possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from zc_plugins._pristine import device_of, pristine
from zc_plugins.errors import InputShapeMismatch, InvalidArgument

Graph = Literal["none", "input", "weights"]
Forward = Callable[[nn.Module, Any], Any]

_SHAPE_WORDS = ("shape", "size", "channels", "dimension", "mat1 and mat2", "expected")


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

    Returns:
        The input that was used and the network's output.

    Raises:
        InputShapeMismatch: if the network refuses this shape on both devices.
    """
    caller = _Caller(model, forward)
    shape, differentiable = (batch_size, *input_shape), graph != "none"
    with pristine(model, seed=0), torch.set_grad_enabled(differentiable):
        model.train()
        for parameter in model.parameters():
            parameter.requires_grad_(graph == "weights" and parameter.is_floating_point())
        try:
            x = _zeros(model, shape, torch.device("meta"), differentiable)
            return x, torch.func.functional_call(caller, _on_meta(caller), (x,))
        except Exception:
            # Whatever the reason on the meta device, the real device has the last word.
            x = _zeros(model, shape, device_of(model), differentiable)
            try:
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
        shape = tuple(int(size) for size in input_shape)
    except (TypeError, ValueError):
        shape = ()
    if not shape or min(shape) < 1:
        raise InvalidArgument(
            f"input_shape must be the positive sizes of one sample without the batch axis, "
            f"got {input_shape!r}: pass e.g. (3, 32, 32)"
        )
    return shape


class _Caller(nn.Module):
    def __init__(self, model: nn.Module, forward: Forward | None) -> None:
        super().__init__()
        self.model = model
        self._forward = forward

    def forward(self, x: Tensor) -> Any:
        return self.model(x) if self._forward is None else self._forward(self.model, x)


def _on_meta(caller: nn.Module) -> dict[str, Tensor]:
    tensors = {**dict(caller.named_parameters()), **dict(caller.named_buffers())}
    return {
        name: torch.empty_like(t, device="meta", requires_grad=t.requires_grad)
        for name, t in tensors.items()
    }


def _zeros(
    model: nn.Module, shape: tuple[int, ...], device: torch.device, differentiable: bool
) -> Tensor:
    x = torch.zeros(shape, dtype=dtype_of(model), device=device)
    return x.requires_grad_(differentiable)
