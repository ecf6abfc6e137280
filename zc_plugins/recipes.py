"""A paper is a recipe of ten lines."""

from __future__ import annotations

from typing import Any

import torch

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


def size(
    input_shape: tuple[int, ...] = (), *, device: str | torch.device = "auto", **excitation: Any
) -> Scorer:
    """Parameters and multiply-adds: the baseline that every recipe has to beat, and free."""
    return Scorer(
        ["params", "complexity"], Excitation(input_shape, **excitation), ensemble="borda",
        device=device,
    )  # fmt: skip
