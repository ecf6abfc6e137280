"""Networks of all kinds give finite evidence, and the pass leaves no fingerprint."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import zoo
from zc_plugins.errors import InputShapeMismatch, Unscorable
from zc_plugins.probes import Excitation
from zc_plugins.probes.block_vjp import BlockEvidence, block_vjp, random_signs
from zc_plugins.proxies._spectral_entropy import feature_covariance
from zc_plugins.proxies.trainability import gradient_correlation
from zc_plugins.recipes import az_nas
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.testing import check_probe, count_synchronisations

MEASURES = [feature_covariance, gradient_correlation]


def scores(
    build: Callable[[], nn.Module] | nn.Module, shape: tuple[int, ...], **settings: Any
) -> Any:
    return az_nas(shape, batch_size=settings.pop("batch_size", 6), **settings).score([build])


@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_networks_of_all_kinds_are_scored(name: str) -> None:
    build, shape = zoo.NETWORKS[name]
    table = scores(build, shape)
    assert np.isfinite(table.values).all(), table.notes
    assert table.notes == ({},)
    assert len(table.layers["expressivity"][0]) >= 2


@pytest.mark.parametrize(
    "name",
    ["plain_cnn", "vit_builtin", "in_place", "shared", "recurrent", "attributes", "caching"],
)
def test_no_fingerprint(name: str) -> None:
    build, shape = zoo.NETWORKS[name]
    check_probe(block_vjp, MEASURES, model=build(), input_shape=shape)


@pytest.mark.parametrize("name", ["caching", "shared", "recurrent", "parametrised"])
def test_the_network_works_as_before(name: str) -> None:
    build, shape = zoo.NETWORKS[name]
    network = build().eval()
    x = torch.randn(3, *shape)
    wanted = copy.deepcopy(network)(x)
    scores(network, shape)
    network(x).sum().backward()
    torch.testing.assert_close(network(x), wanted, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["plain_cnn", "mlp", "vit"])
def test_model_types(name: str, dtype: torch.dtype) -> None:
    build, shape = zoo.NETWORKS[name]
    table = scores(lambda: build().to(dtype), shape)
    assert np.isfinite(table.values).all(), table.notes
    exact = scores(build, shape)
    # float64 draws other numbers from the same seed.
    np.testing.assert_allclose(table.column("expressivity"), exact.column("expressivity"), rtol=0.3)


@pytest.mark.parametrize("name", ["plain_cnn", "mlp", "vit_builtin"])
def test_autocast(name: str) -> None:
    build, shape = zoo.NETWORKS[name]
    seen = []

    class Spy(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x.dtype)
            return x

    table = scores(lambda: nn.Sequential(build(), Spy()), shape, autocast=torch.bfloat16)
    exact = scores(build, shape)
    assert torch.bfloat16 in seen
    np.testing.assert_allclose(table.values, exact.values, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("name", ["plain_cnn", "resnet", "vit", "decoder", "valid"])
def test_layout_in_memory_does_not_matter(name: str) -> None:
    build, shape = zoo.NETWORKS[name]
    last, first = (scores(build, shape, channels_last=c).values for c in (True, False))
    np.testing.assert_allclose(last[:, :2], first[:, :2], rtol=0.2, atol=0.2)


def test_two_inputs_by_a_forward_of_ones_own() -> None:
    table = scores(zoo.TwoInputs, (4, 16, 16), forward=zoo.two_inputs)
    assert np.isfinite(table.values).all(), table.notes
    refused = scores(zoo.TwoInputs, (4, 16, 16))
    assert "missing 1 required positional argument" in refused.notes[0]["expressivity"]


@pytest.mark.parametrize("name", ["plain_cnn", "vit", "nasbench201"])
def test_one_pass_waits_once(name: str) -> None:
    if name == "nasbench201":
        space = NasBench201(channels=4, cells_per_stage=1)
        network, shape = space.build(space.sample(np.random.default_rng(5))), (3, 16, 16)
    else:
        build, shape = zoo.NETWORKS[name]
        network = build()
    excitation = Excitation(shape, batch_size=4)
    with count_synchronisations() as synchronisations:
        block_vjp(network, excitation, MEASURES, seed=0)
    assert synchronisations.calls == ["cpu"]


def test_pullback_is_the_blocks_vector_jacobian_product() -> None:
    network = nn.Sequential(
        nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 4), nn.Tanh(), nn.Linear(4, 2)
    ).double()
    weight = network[2].weight.detach()
    kept: list[tuple[Tensor, Tensor, Tensor]] = []

    def keep(evidence: BlockEvidence) -> Tensor | None:
        if evidence.pullback is not None:
            kept.append((*evidence.pullback, evidence.feature))
        return None

    block_vjp(network, Excitation((5,), batch_size=3, initialisation="keep"), [keep], seed=0)
    ((pulled, cotangent, feature),) = kept
    assert set(cotangent.unique().tolist()) <= {-1.0, 1.0}
    torch.testing.assert_close(pulled, (cotangent * (1 - feature**2)) @ weight)


def test_features_are_those_of_a_plain_forward() -> None:
    network = zoo.ResNet()
    x = torch.randn(4, 3, 32, 32)
    kept = {}

    def keep(evidence: BlockEvidence) -> None:
        kept[evidence.name] = evidence.feature.clone()

    block_vjp(network, Excitation(inputs=x, initialisation="keep"), [keep], seed=0)
    plain = {}
    for name in kept:
        network.get_submodule(name).register_forward_hook(
            lambda m, a, out, name=name: plain.update({name: out.detach().clone()})
        )
    network(x)
    assert list(kept) == ["relu", "layer1.0", "layer1.1", "layer2.0", "layer2.1"]
    for name, feature in kept.items():
        wanted = plain[name].movedim(1, -1).flatten(0, 2)
        torch.testing.assert_close(feature, wanted, rtol=1e-4, atol=1e-4)


def test_runs_of_a_shared_module_are_blocks_of_their_own() -> None:
    network = nn.Sequential(zoo.Shared())
    features = []

    def keep(evidence: BlockEvidence) -> None:
        features.append((evidence.name, evidence.feature.mean()))

    excitation = Excitation((3, 8, 8), batch_size=4)
    block_vjp(network, excitation, [keep], seed=0)
    assert [name for name, _ in features] == ["0.relu", "0.relu@2", "0.relu@3", "0.relu@4"]
    assert len({float(mean) for _, mean in features}) == 4
    chosen = Excitation((3, 8, 8), batch_size=4, blocks=("0.stem", "0.relu@3"))
    assert block_vjp(network, chosen, [], seed=0).layers == ("0.stem", "0.relu@3")


def test_declared_blocks_that_do_not_run() -> None:
    network = zoo.plain_cnn()
    network.add_module("unused", nn.Identity())
    excitation = Excitation((3, 8, 8), batch_size=2, blocks=("unused",))
    with pytest.raises(Unscorable, match="none of the blocks"):
        block_vjp(network, replace(excitation, forward=lambda m, x: m[0](x)), [], seed=0)


@pytest.mark.parametrize("shape", [(5, 16, 16), (16, 16), (3, 16), (7,)])
def test_refused_shape_names_the_argument(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputShapeMismatch, match="input_shape"):
        block_vjp(zoo.plain_cnn(), Excitation(shape, batch_size=2), [], seed=0)


def test_other_errors_are_not_called_a_wrong_shape() -> None:
    def fails(model: nn.Module, x: Tensor) -> Tensor:
        raise RuntimeError("expected scalar type Half but found Float")

    with pytest.raises(RuntimeError, match=r"^expected scalar type"):
        block_vjp(zoo.plain_cnn(), Excitation((3, 8, 8), forward=fails), [], seed=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1,), (33,), (4, 3, 5, 7)])
def test_random_signs(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    like = torch.empty(shape, dtype=dtype)
    if len(shape) == 4:
        like = like.to(memory_format=torch.channels_last)
    signs = random_signs(like, torch.Generator().manual_seed(0))
    assert (signs.shape, signs.dtype, signs.stride()) == (like.shape, dtype, like.stride())
    assert bool((signs.abs() == 1).all())


class Summed(nn.Module):
    """A residual network whose sums lie in rows or with channels last."""

    def __init__(self, layout: torch.memory_format) -> None:
        super().__init__()
        self.layout = layout
        self.layers = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(3))
        self.zc_blocks = tuple(f"layers.{place}" for place in range(3))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = (x + layer(x)).contiguous(memory_format=self.layout)
        return x


def test_signs_do_not_depend_on_the_layout() -> None:
    def signs(layout: torch.memory_format) -> list[Tensor]:
        found: list[Tensor] = []
        model = Summed(layout)
        for layer in model.layers:
            layer.register_forward_hook(lambda _m, _x, y: y.contiguous(memory_format=layout))

        def read(evidence: BlockEvidence) -> Tensor:
            pair = evidence.pullback
            if pair is not None:
                found.append(pair[1])
            return torch.zeros(())

        block_vjp(model, Excitation((3, 5, 7), batch_size=2), [read], seed=0)
        return found

    rows, last = signs(torch.contiguous_format), signs(torch.channels_last)
    assert len(rows) == len(last) == 2
    for one, other in zip(rows, last, strict=True):
        assert torch.equal(one, other)


def test_random_signs_are_balanced_and_independent() -> None:
    signs = random_signs(torch.empty(64, 4096), torch.Generator().manual_seed(1))
    assert float(signs.mean().abs()) < 0.01
    correlation = signs @ signs.T / 4096 - torch.eye(64)
    assert float(correlation.abs().max()) < 0.1
    # Neighbours come from one random word.
    assert float((signs[:, 1:] * signs[:, :-1]).mean().abs()) < 0.01


class PermutedNorm(nn.LayerNorm):
    """Layer norm over the channels of an image, as in ConvNeXt."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Squeezed(nn.Module):
    """Squeeze-excite of linear layers."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.gate = nn.Linear(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x).relu()
        return x * self.gate(x.mean((2, 3))).sigmoid()[:, :, None, None]


@pytest.mark.parametrize(
    "between",
    [lambda: PermutedNorm(6), lambda: nn.LayerNorm([6, 8, 8]), lambda: Squeezed(6)],
    ids=["permuted layer norm", "layer norm over images", "squeeze-excite"],
)
def test_images_keep_their_channel_axis(between: Any) -> None:
    """Rows of the evidence are positions, columns the six channels."""
    shapes = []

    def remember(evidence: Any) -> torch.Tensor:
        shapes.append(tuple(evidence.feature.shape))
        return torch.zeros(())

    net = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), between(), nn.Conv2d(6, 6, 3, padding=1), between(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2),
    )  # fmt: skip
    block_vjp(net, Excitation((3, 8, 8), batch_size=4), [remember], seed=0)
    assert len(shapes) >= 2
    assert set(shapes) == {(4 * 8 * 8, 6)}


def test_weights_that_the_forward_writes_are_the_users_again() -> None:
    class Renormalised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(16, 8, max_norm=1.0)
            self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second(self.first(x + self.table(torch.arange(16))).relu())

    net = Renormalised()
    before = net.table.weight.detach().clone()
    assert az_nas((16, 8), batch_size=4).score([net]).scored.all()
    assert torch.equal(net.table.weight, before)


def test_integer_inputs_with_named_blocks() -> None:
    net = nn.Sequential(nn.Embedding(10, 16), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 8))
    tokens = torch.randint(0, 10, (4, 7))
    named = az_nas(inputs=tokens, blocks=("2", "3")).score([net])
    assert np.isfinite(named.column("trainability")).all()
    assert named.column("complexity") == 7 * (16 * 16 + 16 * 8)
    traced = az_nas(inputs=tokens).score([net])
    assert "name the blocks" in traced.notes[0]["trainability"]


def test_inside_inference_mode() -> None:
    with torch.inference_mode():
        table = az_nas((3, 8, 8), batch_size=4).score([zoo.plain_cnn])
    assert table.scored.all()


def test_networks_that_cannot_be_restored_name_the_remedy() -> None:
    with torch.inference_mode():
        inferred = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))
    for net, reason in ((inferred, "build it outside"), (nn.LazyLinear(3), "run it once")):
        modes = [module.training for module in net.modules()]
        table = az_nas((3, 8, 8), batch_size=4).score([net])
        assert reason in table.notes[0]["trainability"]
        assert not table.degenerate[0]
        assert [module.training for module in net.modules()] == modes


def test_lazy_layers_of_a_builder_are_made() -> None:
    def build() -> nn.Module:
        return nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.LazyConv2d(4, 3), nn.ReLU())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert az_nas((3, 8, 8), batch_size=4).score([build]).scored.all()
