"""The ViT-Bench-101 table: trained vision transformers of AutoFormer's tiny space."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zc_plugins._shapes import Float, ndarray
from zc_plugins.data import file_in
from zc_plugins.spaces.vit import Transformer, VitSpace

_FILE = "vitbench101_autoprox.csv"
_ENDING = "_acc"


@dataclass(frozen=True, eq=False)
class VitBench101Table:
    """Accuracies of 200 AutoFormer networks.

    Attributes:
        architectures: as ``VitSpace("tiny")`` encodes them, in the order of the file.
        accuracies: by column, each of shape (architectures,), percent, NaN where not trained.
            ``c100_base``, ``flower_base`` and ``chaoyang_base`` are trained from scratch (100
            networks), ``c100_kd``, ``flower_kd`` and ``chaoyang_kd`` distilled (all 200),
            ``imagenet_super`` is ImageNet's with the supernet's weights (all 200).
    """

    architectures: tuple[str, ...]
    accuracies: Mapping[str, Float[ndarray, " architectures"]]


def vitbench101(folder: str | Path | None = None) -> VitBench101Table:
    """Read the table from a folder that holds ``vitbench101_autoprox.csv``.

    The file's 100 rows of pooling-based transformers (PiT) are left out: it has their base width,
    depths, heads and MLP ratio, but neither patch size nor stride, nor parameter counts that would
    put a guess to the proof.

    Args:
        folder: where the file lies; None looks in ``data.folders()``.

    Raises:
        InvalidArgument: if the file is not there.

    References:
        Wei et al., Auto-Prox, AAAI 2024, arXiv:2312.09059.
    """
    path = file_in(folder, _FILE)
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["space"] == "autoformer"]
    space = VitSpace("tiny")
    return VitBench101Table(
        tuple(space.encode(_transformer(row)) for row in rows),
        {
            column.removesuffix(_ENDING): np.array([float(row[column] or "nan") for row in rows])
            for column in rows[0]
            if column.endswith(_ENDING)
        },
    )


def _transformer(row: Mapping[str, str]) -> Transformer:
    heads, ratios = json.loads(row["num_heads"]), json.loads(row["mlp_ratio"])
    return Transformer(int(row["embed_dim"]), tuple(heads), tuple(ratios))
