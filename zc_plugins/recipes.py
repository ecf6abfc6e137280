"""A paper is a recipe of ten lines."""

from __future__ import annotations

from typing import Any

import torch

from zc_plugins.discovery.expression import Reduce
from zc_plugins.discovery.own import EXPRESSION, REDUCE
from zc_plugins.discovery.published import published
from zc_plugins.probes import Excitation
from zc_plugins.scorer import Scorer


def az_nas(
    input_shape: tuple[int, ...] = (),
    *,
    seed: int = 0,
    device: str | torch.device = "auto",
    **excitation: Any,
) -> Scorer:
    """AZ-NAS: expressivity, progressivity, trainability and complexity, by log-rank aggregation.

    Args:
        input_shape: of one sample, without the batch axis.
        seed: of weights, inputs and signs.
        device: where built candidates are put.
        **excitation: fields of ``Excitation``, e.g. ``batch_size`` (64, as in the paper).

    References:
        Lee and Ham, AZ-NAS, CVPR 2024, arXiv:2403.19232.
    """
    return Scorer(
        ["expressivity", "progressivity", "trainability", "complexity"],
        Excitation(input_shape, **excitation),
        ensemble="az_rank",
        seed=seed,
        device=device,
    )


def az_nas_vit(
    input_shape: tuple[int, ...] = (),
    *,
    seed: int = 0,
    device: str | torch.device = "auto",
    **excitation: Any,
) -> Scorer:
    """AZ-NAS for vision transformers: without progressivity, and with the weights as built.

    A block that is the identity has no trainability here and is told in the notes; the public code
    skips it. That code also draws the weights of the largest network once and lets each candidate
    take its part; here each has weights of its own from the same seed.

    Args:
        input_shape: of one sample, without the batch axis.
        seed: of weights, inputs and signs.
        device: where built candidates are put.
        **excitation: fields of ``Excitation``; ``initialisation`` is ``"keep"`` if not given.

    References:
        Lee and Ham, AZ-NAS, CVPR 2024, arXiv:2403.19232, on the spaces of AutoFormer.
    """
    return Scorer(
        ["expressivity", "trainability", "complexity"],
        Excitation(input_shape, **{"initialisation": "keep", **excitation}),
        ensemble="az_rank",
        seed=seed,
        device=device,
    )


def best_training_free(
    input_shape: tuple[int, ...] = (),
    *,
    seed: int = 0,
    device: str | torch.device = "auto",
    **excitation: Any,
) -> Scorer:
    """Our own choice: complexity, jacov, MeCo, progressivity and SWAP, by log-rank aggregation.

    Of all sets of up to five proxies within .01 of the best tau, that whose ten best-ranked
    networks are the most accurate, on one half of NAS-Bench-201 with CIFAR-10
    (``benchmarks.choose``); how it does on the other half stands in ``benchmarks/README.md``.
    Complexity and SWAP follow a network's size, the others do not. One forward pass and one sweep
    back to the input serve all five; each score is the mean over three draws of weights and inputs
    (``benchmarks.repeats``).

    A network whose last layers are batch normalisation, pooling and a linear layer, without an
    activation between them, has no jacov. Where a tenth of the networks have none, all are ranked
    by the other four (``ensembles.readable_rank``). Outside of NAS-Bench-201 it is no better than
    ``az_nas`` on the whole: worse on NAS-Bench-101 and on cells of TransNAS-Bench-101, better on
    that benchmark's macro space and on once-for-all.

    Args:
        input_shape: of one sample, without the batch axis.
        seed: of weights and inputs.
        device: where built candidates are put.
        **excitation: fields of ``Excitation``; ``batch_size`` is 32 if not given, as in the choice,
            and ``repeats`` 3.
    """
    return Scorer(
        ["complexity", "jacov", "meco", "progressivity", "swap"],
        Excitation(input_shape, **{"batch_size": 32, "repeats": 3, **excitation}),
        ensemble="readable_rank",
        seed=seed,
        device=device,
    )


def zen_nas(
    input_shape: tuple[int, ...] = (),
    *,
    seed: int = 0,
    device: str | torch.device = "auto",
    **excitation: Any,
) -> Scorer:
    """Zen-NAS: the Zen-Score alone, in the paper's form.

    The paper scores networks without residual links; hand them in that way to follow it.

    Args:
        input_shape: of one sample, without the batch axis.
        seed: of weights and inputs.
        device: where built candidates are put.
        **excitation: fields of ``Excitation``; ``batch_size`` is 16 if not given, as in the paper.

    References:
        Lin et al., Zen-NAS, ICCV 2021, arXiv:2102.01063.
    """
    return Scorer(
        ["zen_score"],
        Excitation(input_shape, **{"batch_size": 16, **excitation}),
        seed=seed,
        device=device,
    )


def zico(
    input_shape: tuple[int, ...] = (),
    *,
    seed: int = 0,
    device: str | torch.device = "auto",
    **excitation: Any,
) -> Scorer:
    """ZiCo: gradients of two batches, large and alike.

    Noise and random labels stand in for the two real batches of the paper unless ``inputs``,
    ``targets`` and ``second`` are given.

    Args:
        input_shape: of one sample, without the batch axis.
        seed: of weights, inputs and labels.
        device: where built candidates are put.
        **excitation: fields of ``Excitation``.

    References:
        Li et al., ZiCo, ICLR 2023, arXiv:2301.11300.
    """
    return Scorer(["zico"], Excitation(input_shape, **excitation), seed=seed, device=device)


def eznas(
    input_shape: tuple[int, ...] = (),
    *,
    reading: str = "code",
    reduce: Reduce = "mean",
    seed: int = 0,
    device: str | torch.device = "auto",
    **excitation: Any,
) -> Scorer:
    """EZNAS-A, the expression that its authors evolved and call the best for all spaces.

    Of each rectifier, convolution and batch normalisation in a row, the Frobenius norm of
    sigmoid(log det(sign(G))), where G is a gradient of the summed logits; then the mean over
    layers. Which gradient, the public code leaves open: it names statistics by number and has two
    orders of them. In the order that it documents, and in the paper, it is that at the weight for a
    batch of noise (``reading="paper"``); in the order that it runs, and by which its published
    numbers were made, that at what enters the rectifier for the data (``reading="code"``).

    We follow the code's reading and the authors' mean. We do not follow their weights (fan-out),
    and layers are found by the flow of data, not by the order of modules. Noise stands in for the
    data unless ``inputs`` are given. The reading of the code takes square feature maps only, that
    of the paper square kernels.

    Args:
        input_shape: of one sample, without the batch axis.
        reading: ``"code"`` or ``"paper"``.
        reduce: of the layers; ``"sum"`` is ours.
        seed: of weights and inputs.
        device: where built candidates are put.
        **excitation: fields of ``Excitation``; ``batch_size`` is 16 if not given, as in the code.

    References:
        Akhauri et al., EZNAS, NeurIPS 2022, arXiv:2209.07413.
    """
    return Scorer(
        [published("eznas_a", reading).proxy("eznas_a", reduce=reduce)],
        Excitation(input_shape, **{"batch_size": 16, **excitation}),
        seed=seed,
        device=device,
    )


def evolved(
    input_shape: tuple[int, ...] = (),
    *,
    seed: int = 0,
    device: str | torch.device = "auto",
    **excitation: Any,
) -> Scorer:
    """The best proxy that our own evolution has found, alone.

    An expression over the statistics of EZNAS, evolved on 80 networks of NAS-Bench-201, 80 of NAS-
    Bench-101 and 40 of TransNAS-Bench-101 micro with ``zc_plugins.discovery.evolve``. On others,
    Kendall's tau with test accuracy is .70 on NAS-Bench-201 (81 networks), .35 on NAS-Bench-101
    (40) and .44 on TransNAS-Bench-101 micro (31); ``discovery.own`` tells how it was made. It
    stands for those spaces: evolve one for a space of your own. Determinants in it take square
    feature maps only.

    Args:
        input_shape: of one sample, without the batch axis.
        seed: of weights and inputs.
        device: where built candidates are put.
        **excitation: fields of ``Excitation``; ``batch_size`` is 8 if not given, as on
            NAS-Bench-201.
    """
    return Scorer(
        [EXPRESSION.proxy("evolved", reduce=REDUCE)],
        Excitation(input_shape, **{"batch_size": 8, **excitation}),
        seed=seed,
        device=device,
    )


def size(
    input_shape: tuple[int, ...] = (), *, device: str | torch.device = "auto", **excitation: Any
) -> Scorer:
    """Parameters and multiply-adds: the baseline that every recipe has to beat, and free."""
    return Scorer(
        ["params", "complexity"], Excitation(input_shape, **excitation), ensemble="borda",
        device=device,
    )  # fmt: skip
