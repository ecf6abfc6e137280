"""Batch normalisation whose gradient is differentiated again in a few passes over its input.

Torch writes that second derivative out as some thirty operations on tensors of the input's size;
they were half of the time that a Hessian took.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def normalise_twice_differentiably(model: nn.Module) -> None:
    """Let the batch normalisations that use their batch's statistics run as ``_Normalised``.

    Those with a forward of their own stay as they are. The gradient's derivative at scale and shift
    is left out. Call it inside ``pristine``, which takes the change back.
    """
    for module in model.modules():
        if (
            isinstance(module, _BatchNorm)
            and (module.training or module.running_mean is None)
            and type(module).forward is _BatchNorm.forward
            and "forward" not in vars(module)
        ):
            vars(module)["forward"] = _forward(module)


def _forward(module: _BatchNorm) -> Any:
    def forward(x: Tensor) -> Tensor:
        module._check_input_dim(x)  # type: ignore[no-untyped-call]
        running = (module.running_mean, module.running_var, module.momentum or 0.0)
        normalised: Tensor = _Normalised.apply(  # type: ignore[no-untyped-call]
            x, module.weight, module.bias, module.eps, *running
        )
        return normalised

    return forward


class _Normalised(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Any, shift: Any, eps: float, *running: Any) -> Tensor:
        means, variances, momentum = running
        output, mean, inverse = torch.native_batch_norm(
            x, scale, shift, means, variances, True, momentum, eps
        )
        ctx.save_for_backward(x, scale, mean, inverse)
        ctx.epsilon = eps
        return output

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        at_inputs = _Gradient.apply(gradient, *ctx.saved_tensors, ctx.epsilon)  # type: ignore[no-untyped-call]
        return (*at_inputs, None, None, None, None)


class _Gradient(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, gradient: Tensor, x: Tensor, scale: Any, mean: Tensor, inverse: Tensor, eps: float
    ) -> Any:
        ctx.save_for_backward(gradient, x, scale, mean, inverse)
        ctx.epsilon = eps
        found = _pulled_back(gradient, x, scale, mean, inverse, eps)
        at_x, at_scale, at_shift = found if scale is not None else (found[0], None, None)
        ctx.mark_non_differentiable(*(t for t in (at_scale, at_shift) if t is not None))
        return at_x, at_scale, at_shift

    @staticmethod
    def backward(ctx: Any, along: Tensor, *_: Any) -> Any:
        """Derivative of the gradient's inner product with ``along``.

        With n the normalised input, g the gradient, v ``along``, s the inverse deviation and means
        over a channel, that product is N scale s (mean(vg) - mean(v) mean(g) - mean(vn) mean(gn)).
        """
        gradient, x, scale, mean, inverse = ctx.saved_tensors
        at_gradient = _pulled_back(along, x, scale, mean, inverse, ctx.epsilon)[0]
        axes = [axis for axis in range(x.dim()) if axis != 1]
        shape = [1, -1, *(1 for _ in axes[1:])]

        def means(tensor: Tensor) -> Tensor:
            return tensor.mean(axes, keepdim=True)

        deviation = inverse.reshape(shape)
        n = (x - mean.reshape(shape)) * deviation
        g, v = gradient.to(n.dtype), along.to(n.dtype)
        g_mean, v_mean = means(g), means(v)
        gn_mean, vn_mean = means(g * n), means(v * n)
        factor = -(deviation**2) * (1.0 if scale is None else scale.reshape(shape))
        of_n = factor * (means(v * g) - v_mean * g_mean - 3 * vn_mean * gn_mean)
        constant = -factor * (gn_mean * v_mean + vn_mean * g_mean)
        at_x = n.mul_(of_n).addcmul_(v, factor * gn_mean).addcmul_(g, factor * vn_mean)
        return at_gradient, at_x.add_(constant).to(x.dtype), None, None, None, None


def _pulled_back(
    gradient: Tensor, x: Tensor, scale: Any, mean: Tensor, inverse: Tensor, epsilon: float
) -> Any:
    wanted = [True, scale is not None, scale is not None]
    return torch.ops.aten.native_batch_norm_backward(
        gradient, x, scale, None, None, mean, inverse, True, epsilon, wanted
    )
