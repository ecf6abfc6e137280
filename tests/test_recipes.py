"""Recipes are the papers' settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests import zoo
from zc_plugins.errors import InvalidArgument
from zc_plugins.recipes import az_nas, az_nas_vit, best_training_free, size, zen_nas, zico


def test_az_nas() -> None:
    scorer = az_nas((3, 8, 8), seed=4, device="cpu")
    assert [p.name for p in scorer.proxies] == [
        "expressivity",
        "progressivity",
        "trainability",
        "complexity",
    ]
    assert scorer.ensemble.__name__ == "az_rank"  # type: ignore[attr-defined]
    assert (scorer.seed, scorer.device) == (4, torch.device("cpu"))
    assert scorer.excitation.batch_size == 64
    assert scorer.excitation.initialisation == "kaiming_normal"
    assert az_nas((3, 8, 8), batch_size=8).excitation.batch_size == 8


def test_az_nas_vit() -> None:
    scorer = az_nas_vit((3, 8, 8), seed=4, device="cpu", batch_size=8)
    assert [p.name for p in scorer.proxies] == ["expressivity", "trainability", "complexity"]
    assert scorer.ensemble.__name__ == "az_rank"  # type: ignore[attr-defined]
    assert (scorer.seed, scorer.excitation.batch_size) == (4, 8)
    assert scorer.excitation.initialisation == "keep"
    fresh = az_nas_vit((3, 8, 8), initialisation="kaiming_normal")
    assert fresh.excitation.initialisation == "kaiming_normal"


def test_best_training_free() -> None:
    scorer = best_training_free((3, 8, 8), seed=4, device="cpu")
    names = {"complexity", "jacov", "meco", "progressivity", "swap"}
    assert {p.name for p in scorer.proxies} == names
    assert scorer.ensemble.__name__ == "readable_rank"  # type: ignore[attr-defined]
    assert (scorer.seed, scorer.excitation.batch_size) == (4, 32)
    assert scorer.score([zoo.plain_cnn, zoo.dropout_group_norm]).scored.all()


def test_the_choice_is_the_committed_one() -> None:
    """The first of the sets that ``benchmarks.choose`` has written."""
    import csv

    with (Path(__file__).parents[1] / "benchmarks" / "results" / "choose.csv").open() as file:
        chosen = next(csv.DictReader(file))
    proxies = best_training_free((3, 8, 8)).proxies
    assert set(chosen["proxies"].split()) == {proxy.name for proxy in proxies}


@pytest.mark.parametrize(("recipe", "proxy"), [(zen_nas, "zen_score"), (zico, "zico")])
def test_recipes_of_one_proxy(recipe: Any, proxy: str) -> None:
    scorer = recipe((3, 8, 8), seed=4, device="cpu", batch_size=8)
    assert [p.name for p in scorer.proxies] == [proxy]
    assert (scorer.seed, scorer.excitation.batch_size) == (4, 8)
    table = scorer.score([zoo.plain_cnn, zoo.mobilenet])
    order = np.argsort(table.column(proxy))
    assert np.array_equal(np.argsort(scorer.aggregate(table)), order)


def test_size_is_what_can_be_counted() -> None:
    scorer = size((3, 8, 8))
    table = scorer.score([zoo.plain_cnn, zoo.mobilenet])
    assert table.proxies == ("params", "complexity")
    assert scorer.aggregate(table).argmax() == table.column("params").argmax()


def test_the_shape_may_come_with_a_batch_of_ones_own() -> None:
    table = az_nas(inputs=torch.randn(4, 3, 8, 8)).score([zoo.plain_cnn])
    assert np.isfinite(table.values).all()
    with pytest.raises(InvalidArgument, match="input_shape"):
        az_nas()


def test_best_training_free_ranks_networks_without_jacov() -> None:
    """Behind batch normalisation, pooling and a linear layer the summed output is constant."""

    def plain(width: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 4),
        )  # fmt: skip

    scorer = best_training_free((3, 8, 8), batch_size=8, device="cpu")
    table = scorer.score([plain(4), plain(8), plain(16)])
    assert np.isnan(table.column("jacov")).all()
    with pytest.warns(UserWarning, match="jacov cannot read"):
        numbers = scorer.aggregate(table)
    assert np.isfinite(numbers).all()
