"""A table of once-for-all MobileNetV3 subnets on ImageNet."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.data import file_in
from zc_plugins.spaces.ofa_mobilenetv3 import OfaMobileNetV3, Subnet

_FILE = "ofa_mbv3_subnets_imagenet.csv"

_MOST_BLOCKS = 4
"""Digits that a stage has in the file, idle ones included."""


@dataclass(frozen=True, eq=False)
class OfaMobileNetV3Table:
    """ImageNet accuracies with the weights of the once-for-all network, not trained apart.

    The subnets come from search logs: most are better than random ones of their size.

    Attributes:
        architectures: as ``OfaMobileNetV3`` encodes them, in the order of the file, each once.
        top1: shape (architectures,), percent, at 224 x 224 pixels; the mean where rows of the file
            differ in idle digits only (57 architectures; by .023 percent at most).
        params: shape (architectures,), of 1,000 classes.
        flops: shape (architectures,), multiply-adds of one image of 224 x 224 pixels.
    """

    architectures: tuple[str, ...]
    top1: Float[ndarray, " architectures"]
    params: Float[ndarray, " architectures"]
    flops: Float[ndarray, " architectures"]


def ofa_mobilenetv3(folder: str | Path | None = None) -> OfaMobileNetV3Table:
    """Read the table from a folder that holds ``ofa_mbv3_subnets_imagenet.csv``.

    Args:
        folder: where the file lies; None looks in ``data.folders()``.

    Raises:
        InvalidArgument: if the file is not there.

    References:
        Cai et al., Once-for-All, ICLR 2020, arXiv:1908.09791; the logs are IntelLabs' DyNAS-T's.
    """
    path = file_in(folder, _FILE)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    found: dict[str, list[list[float]]] = {}
    for row in rows:
        numbers = [float(row[name]) for name in ("top1", "params", "macs")]
        found.setdefault(_text(row), []).append(numbers)
    top1, params, flops = np.transpose([np.mean(same, axis=0) for same in found.values()])
    return OfaMobileNetV3Table(tuple(found), top1, params, flops)


def _text(row: Mapping[str, str]) -> str:
    stages = []
    for place, depth in enumerate(row["d"]):
        start = _MOST_BLOCKS * place
        pairs = zip(row["ks"][start:], row["e"][start:], range(int(depth)), strict=False)
        stages.append(tuple((int(kernel), int(expansion)) for kernel, expansion, _ in pairs))
    return OfaMobileNetV3().encode(Subnet(tuple(stages)))
