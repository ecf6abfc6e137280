"""The mixer's file holds all that it predicts by, and its divergence is the textbook's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from tests.predictors.tables import population
from zc_plugins.errors import InvalidArgument
from zc_plugins.predictors._bayesian import BayesianLinear, divergence
from zc_plugins.predictors._flushed import flushed
from zc_plugins.predictors.mixer import FittedMixer, load, mixer


def fitted() -> FittedMixer:
    table, accuracy = population()
    made = mixer(epochs=3).fit(table, accuracy)
    assert isinstance(made, FittedMixer)
    return made


def test_saved_and_loaded(tmp_path: Path) -> None:
    table, _ = population()
    made = fitted()
    made.save(tmp_path / "mixer.safetensors")
    again = load(tmp_path / "mixer.safetensors")
    np.testing.assert_array_equal(again.predict(table).mean, made.predict(table).mean)
    np.testing.assert_array_equal(again.predict(table).std, made.predict(table).std)
    assert again.mixer == made.mixer


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no tensors")
    with pytest.raises(InvalidArgument, match="holds no mixer"):
        load(tmp_path / "text")


def test_divergence() -> None:
    layer = BayesianLinear(3, 4, torch.Generator().manual_seed(0), rho=-1.0)
    posterior = Normal(layer.mean, F.softplus(layer.rho))
    wanted = kl_divergence(posterior, Normal(0.0, 3**-0.5)).sum()
    torch.testing.assert_close(divergence(layer), wanted)


def test_weights_are_drawn() -> None:
    layer = BayesianLinear(3, 4, torch.Generator().manual_seed(0), rho=0.0)
    x, rng = torch.randn(2, 3, generator=torch.Generator().manual_seed(1)), torch.Generator()
    draws = torch.stack([layer(x, rng.manual_seed(seed)) for seed in range(2000)])
    torch.testing.assert_close(draws.mean(0), layer(x, None), atol=0.1, rtol=0)
    spread = F.softplus(layer.rho[0, 0]) * x.norm(dim=1)
    torch.testing.assert_close(draws.std(0), spread[:, None].expand(2, 4), atol=0.1, rtol=0)


def test_tiny_numbers_are_flushed_and_the_setting_kept() -> None:
    tiny = torch.full((8,), 1e-39)
    for before in (False, True):
        torch.set_flush_denormal(before)
        try:
            with flushed():
                assert not (tiny * 0.5).any()
            assert bool((tiny * 0.5).any()) is not before
        finally:
            torch.set_flush_denormal(False)


def test_sizes() -> None:
    with pytest.raises(InvalidArgument, match="draws=1"):
        mixer(draws=1)
