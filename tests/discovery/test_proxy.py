"""An expression is a proxy like any other."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.discovery.literal import literal
from zc_plugins import Excitation, Scorer
from zc_plugins._identity import fingerprint
from zc_plugins.discovery import parse
from zc_plugins.discovery.published import NAMES, published
from zc_plugins.errors import InvalidArgument
from zc_plugins.probes.relu_conv_bn import relu_conv_bn
from zc_plugins.recipes import eznas
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.testing import check_proxy

SHAPE = (3, 8, 8)


def plain(width: int, strides: int = 1) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(width)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
            nn.Conv2d(4, width, 3, strides, 1), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 1), nn.BatchNorm2d(width), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 5),
        )  # fmt: skip


def score(expression: str, network: nn.Module, **settings: Any) -> tuple[float, np.ndarray, str]:
    proxy = parse(expression).proxy("it", **settings)
    table = Scorer([proxy], Excitation(SHAPE, batch_size=4), device="cpu").score([network])
    return float(table.values[0, 0]), table.layers["it"][0], table.notes[0].get("it", "")


@pytest.mark.parametrize("reading", ["paper", "code"])
@pytest.mark.parametrize("name", NAMES)
def test_the_published_keep_the_suite(name: str, reading: str) -> None:
    if (name, reading) != ("pnas", "paper"):
        # Some set what enters a layer against what leaves it.
        check_proxy(published(name, reading).proxy(name, undefined="omit"), live=plain(4))


@pytest.mark.parametrize(
    "text", ["fro(T2GN)", "l1(T1P)", "fro(sigmoid(logdet(sign(T1GD))))", "abslog(T4GP)"]
)
def test_the_score_is_the_literal_one_over_layers(text: str) -> None:
    kept: dict[str, dict[str, np.ndarray]] = {}

    def keep(evidence: Any) -> None:
        kept[evidence.name] = {n: t.numpy().copy() for n, t in evidence.statistics.items()}

    network = plain(6).double()
    relu_conv_bn(network, Excitation(SHAPE, batch_size=4), [keep], seed=0)
    layers = [np.mean(literal(text, kept[name])) for name in ("3", "6")]
    for reduce, whole in (("sum", np.sum), ("mean", np.mean)):
        value, vector, note = score(text, network, reduce=reduce)
        assert not note
        np.testing.assert_allclose(vector, layers, rtol=1e-9)
        assert value == pytest.approx(whole(layers), rel=1e-9)


def test_a_layer_without_a_value_is_not_left_out_in_silence() -> None:
    value, _, note = score("fro(add(T2D, T4D))", plain(6))
    assert np.isnan(value)
    assert "3: add takes tensors of one shape, got 4x4x8x8 and 4x6x8x8" in note
    value, vector, note = score("fro(add(T2D, T4D))", plain(6), undefined="omit")
    assert vector.shape == (1,)
    assert value == vector[0] > 0
    value, _, note = score("fro(add(T2D, T4D))", plain(6)[:6], undefined="omit")
    assert np.isnan(value)
    value, _, note = score("mean(invert(T2D))", plain(6))
    assert np.isnan(value)
    assert "3: the expression is inf" in note
    scorer = Scorer([parse("mean(invert(T2D))").proxy("it")], Excitation(SHAPE, batch_size=4))
    assert not any(scorer.score([plain(6)]).degenerate)


def test_a_network_without_such_layers_says_so() -> None:
    _, _, note = score("fro(T3)", nn.Sequential(nn.Flatten(), nn.Linear(192, 4)))
    assert "no rectifier, convolution and batch normalisation in a row" in note


def test_settings_tell_expressions_apart() -> None:
    def settings(text: str, **more: Any) -> str:
        return fingerprint(pickle.loads(pickle.dumps(parse(text).proxy("it", **more))))

    assert settings("fro(T3)") == settings("fro( T3 )")
    texts = [settings("fro(T3)"), settings("l1(T3)"), settings("fro(T3)", reduce="mean"),
             settings("fro(T3)", undefined="omit")]  # fmt: skip
    assert len(set(texts)) == 4


def test_expressions_share_one_probe() -> None:
    runs: list[int] = []
    network = plain(6)
    network.register_forward_hook(lambda *_: runs.append(1))
    proxies = [parse(t).proxy(t) for t in ("fro(T1D)", "fro(T2GD)", "l1(T3)", "mean(T4D)")]
    table = Scorer(proxies, Excitation(SHAPE, batch_size=4), device="cpu").score([network])
    assert np.isfinite(table.values).all()
    assert len(runs) == 1


def test_eznas_in_both_readings() -> None:
    space = NasBench201(channels=4, cells_per_stage=1)
    pool = [space.canonical(space.sample(np.random.default_rng(seed))) for seed in range(1, 5)]
    values = []
    for reading in ("code", "paper"):
        scorer = eznas(SHAPE, reading=reading, seed=3, device="cpu")
        assert [p.name for p in scorer.proxies] == ["eznas_a"]
        assert scorer.excitation.batch_size == 16
        table = scorer.score(pool, space=space)
        values.append(table.column("eznas_a"))
        assert np.isfinite(values[-1]).all(), table.notes
    assert not np.array_equal(*values)
    summed = eznas(SHAPE, reduce="sum", seed=3, device="cpu")
    table, layers = summed.score(pool, space=space), summed.layer_scores(space.build(pool[0]))
    counts = [len(vector) for vector in table.layers["eznas_a"]]
    np.testing.assert_allclose(table.column("eznas_a"), values[0] * counts)
    # Two of each reduction, and those of the cells' convolutions.
    convolutions = sum("conv" in operation for operation in pool[0].operations)
    assert len(layers["eznas_a"].names) == counts[0] == 4 + 3 * convolutions
    with pytest.raises(InvalidArgument, match="reading='both'"):
        eznas(SHAPE, reading="both")


def test_unknown_reductions_are_refused() -> None:
    for settings in ({"reduce": "max"}, {"undefined": "skip"}):
        with pytest.raises((InvalidArgument, TypeError)):
            parse("fro(T3)").proxy("it", **settings)  # type: ignore[arg-type]
