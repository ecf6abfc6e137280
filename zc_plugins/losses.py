"""Losses that learn an order: of pairs, on torch tensors, where ``ranking`` is of numbers alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from zc_plugins.errors import InvalidArgument

Pair = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Differences of predictions and of accuracies in; losses, and derivatives by the former, out."""

ROWS = 256
"""Candidates that are compared with all others at a time: memory is this many times theirs."""


def diff_kendall(
    predictions: Tensor,
    accuracy: Tensor,
    *,
    temperature: float = 1.0,
    accuracy_temperature: float = 0.0,
) -> Tensor:
    """1 - a smooth Kendall's tau: the mean over pairs of tanh(dp / temperature) sign(da).

    Each pair counts once. A pair whose predictions differ by several temperatures counts as ordered
    and moves no more; towards 0 the loss is 1 - tau-a and has no gradient, far above the spread of
    the predictions it is a covariance that rewards nothing but scale.

    ParZC's public code takes tanh(a d / 2) of both differences, a = .5 of z-scored accuracies,
    which is a temperature of 4 for both, counts each pair twice and leaves out the 1.

    Args:
        predictions: of shape (candidates,).
        accuracy: of shape (candidates,), in any unit; higher is better. Equal ones make no pair
            but stay in the mean.
        temperature: in the unit of the predictions.
        accuracy_temperature: in the unit of the accuracies: pairs whose accuracies are close count
            less, by tanh(da / this); 0 takes the sign.

    Returns:
        A scalar in [0, 2], lower is better. It can be differentiated once, by the predictions.

    Raises:
        InvalidArgument: if the shapes differ, are no vectors, or hold fewer than two candidates; if
            a temperature is out of range.

    References:
        Zheng et al., DiffKendall, NeurIPS 2023, arXiv:2307.15317; Dong et al., ParZC, 2024,
        arXiv:2402.02105.

    Example:
        >>> accuracy = torch.tensor([10.0, 30.0, 20.0])
        >>> float(diff_kendall(torch.tensor([1.0, 3.0, 2.0]), accuracy, temperature=0.01))
        0.0
    """
    if temperature <= 0 or accuracy_temperature < 0:
        raise InvalidArgument(
            f"temperature={temperature}, accuracy_temperature={accuracy_temperature}: pass a "
            "positive one for predictions, 0 or more for accuracies"
        )

    def pair(predicted: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
        order = torch.tanh(true / accuracy_temperature) if accuracy_temperature else true.sign()
        agreed = torch.tanh(predicted / temperature)
        return 1 - agreed * order, (agreed.square() - 1) * order / temperature

    return _mean_over_pairs(predictions, accuracy, pair)


def pairwise_hinge(predictions: Tensor, accuracy: Tensor, *, margin: float = 0.1) -> Tensor:
    """The mean over pairs of max(0, margin - dp sign(da)), each pair once; equal accuracies cost 0.

    Args:
        predictions: of shape (candidates,).
        accuracy: of shape (candidates,), in any unit; higher is better.
        margin: by which predictions of a pair are to differ, in their unit.

    Returns:
        A scalar of at least 0, lower is better. It can be differentiated once, by the predictions.

    Raises:
        InvalidArgument: if the shapes differ, are no vectors, or hold fewer than two candidates; if
            the margin is not positive.

    Example:
        >>> float(pairwise_hinge(torch.tensor([0.0, 1.0]), torch.tensor([2.0, 1.0]), margin=1.0))
        2.0
    """
    if margin <= 0:
        raise InvalidArgument(f"margin={margin}: pass a positive one, or all equal is the best")

    def pair(predicted: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
        order = true.sign()
        short = margin - predicted * order
        wrong = (short > 0) & (order != 0)
        return torch.where(wrong, short, 0), torch.where(wrong, -order, 0)

    return _mean_over_pairs(predictions, accuracy, pair)


def _mean_over_pairs(predictions: Tensor, accuracy: Tensor, pair: Pair) -> Tensor:
    if predictions.shape != accuracy.shape or predictions.ndim != 1 or len(predictions) < 2:
        raise InvalidArgument(
            "predictions and accuracy must be vectors of one length of at least 2, got shapes "
            f"{tuple(predictions.shape)} and {tuple(accuracy.shape)}"
        )
    mean: Tensor = _Pairs.apply(predictions, accuracy.to(predictions), pair)  # type: ignore[no-untyped-call]
    return mean


class _Pairs(torch.autograd.Function):
    """The mean over pairs with its gradient, a block of rows at a time.

    Autograd would keep every block for the way back: n^2 numbers in all.
    """

    @staticmethod
    def forward(ctx: Any, predictions: Tensor, accuracy: Tensor, pair: Pair) -> Tensor:
        count = len(predictions)
        total, gradient = predictions.new_zeros(()), torch.zeros_like(predictions)
        for first in range(0, count, ROWS):
            rows = slice(first, first + ROWS)
            loss, derivative = pair(
                predictions[rows, None] - predictions, accuracy[rows, None] - accuracy
            )  # (rows, candidates)
            # The loss is even and its derivative odd in the order of a pair, so each pair stands
            # here twice and the diagonal is taken off.
            alone = torch.arange(len(loss), device=loss.device)
            loss[alone, alone + first] = 0
            total += loss.sum() / 2
            gradient[rows] = derivative.sum(dim=1)
        pairs = count * (count - 1) / 2
        ctx.save_for_backward(gradient / pairs)
        return total / pairs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return outer * gradient, None, None


__all__ = ["diff_kendall", "pairwise_hinge"]
