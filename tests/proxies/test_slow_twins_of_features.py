"""Slow and obvious twins of the proxies that read feature maps, or one weight a layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import zoo
from tests.proxies.small_cases import CLASSES, NETWORKS, Case
from zc_plugins import Excitation, Scorer
from zc_plugins.probes import SHELF as PROBES
from zc_plugins.probes import Excitation as Excited
from zc_plugins.probes.logit_jacobian import FisherEvidence

LAST_FEATURE = {"plain": "4", "grouped": "down", "perceptron": "3"}


class Disturbed(Excited):
    """The second input of Zen-Score is given too."""

    def noise(self, device: torch.device, dtype: torch.dtype, rng: torch.Generator) -> Tensor:
        assert self.second is not None
        return self.second[0]


def zen_twin(case: Case, name: str) -> float:
    """Of the paper: log of the change, and for each normalisation the batch's own variance."""
    kept: list[Tensor] = []
    handle = case.network.get_submodule(name).register_forward_hook(
        lambda module, args, output: kept.append(output.detach().clone())
    )
    case.network(case.x)
    case.network(case.x + 0.01 * case.x2)
    handle.remove()
    change = sum(float((a - b).abs().sum()) for a, b in zip(*kept, strict=True)) / len(case.x)
    total = math.log(change)
    for entering in case.outputs(nn.BatchNorm2d, entering=True):
        variances = [np.var(channel.numpy(), ddof=1) for channel in entering.unbind(1)]
        total += math.log(math.sqrt(np.mean(variances)))
    return total


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("network", NETWORKS)
def test_zen_score(network: str, seed: int) -> None:
    case = Case(network, seed)
    excitation = Disturbed(inputs=case.x, second=(case.x2, None), initialisation="keep")
    table = Scorer(["zen_score"], excitation, device="cpu").score([case.network])
    assert table.layers["zen_score"][0].size == 1 + sum(
        isinstance(m, nn.BatchNorm2d) for m in case.network.modules()
    )
    wanted = zen_twin(case, LAST_FEATURE[network])
    assert table.values[0, 0] == pytest.approx(wanted, rel=1e-9)


def meco_twin(case: Case) -> float:
    """Each feature map once: a container's output that equals the one before is the same."""
    total, last = 0.0, None
    for output in case.outputs(nn.Module):
        if last is not None and torch.equal(output, last):
            continue
        last = output
        channels = output[0].reshape(output.shape[1], -1).numpy()
        if channels.shape[1] <= len(channels):
            continue  # singular
        matrix = np.zeros((len(channels), len(channels)))
        for i, one in enumerate(channels):
            for j, two in enumerate(channels):
                apart = (one - one.mean()) * (two - two.mean())
                scale = math.sqrt(one.var() * two.var())
                matrix[i, j] = apart.mean() / scale if scale else 0.0
        total += np.linalg.eigvals(matrix).real.min()
    return total


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("network", ["plain", "grouped"])
def test_meco(network: str, seed: int) -> None:
    case = Case(network, seed)
    case.x = torch.cat([case.x, case.x.flip(1)], 2)  # enough positions
    assert case.score("meco", second=None) == pytest.approx(meco_twin(case), rel=1e-9)


def picks(network: nn.Module, x: Tensor) -> dict[str, int]:
    """The weight that each layer draws when it first runs, by its parameter's name."""
    generator, chosen = torch.Generator().manual_seed(0), {}

    def draw(name: str) -> Any:
        def hook(layer: nn.Module, args: Any, output: Tensor) -> None:
            if name not in chosen:
                numel = layer.get_parameter("weight").numel()
                chosen[name] = int(torch.randint(numel, (1,), generator=generator))

        return hook

    hooks = [
        module.register_forward_hook(draw(f"{name}.weight"))
        for name, module in network.named_modules()
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear))
    ]
    network.eval()(x)
    for hook in hooks:
        hook.remove()
    return chosen


def derivatives(network: nn.Module, x: Tensor) -> np.ndarray:
    """Of the logits at the picked weights, of shape (batch, classes, weights)."""
    chosen = picks(network, x)
    fixed = {name: p.detach() for name, p in network.named_parameters()}

    def logits(values: Tensor) -> Tensor:
        changed = dict(fixed)
        for value, (name, place) in zip(values, chosen.items(), strict=True):
            one = torch.zeros(fixed[name].numel(), dtype=values.dtype)
            one[place] = 1
            rest = fixed[name].flatten() * (1 - one)
            changed[name] = (rest + one * value).reshape(fixed[name].shape)
        return torch.func.functional_call(network.eval(), changed, (x,), tie_weights=False)

    values = torch.stack([fixed[name].flatten()[place] for name, place in chosen.items()])
    found = torch.func.jacrev(logits)(values).detach().numpy()
    for place in range(len(values)):
        step = torch.zeros_like(values)
        step[place] = 1e-6
        with torch.no_grad():
            slope = (logits(values + step) - logits(values - step)) / 2e-6
        np.testing.assert_allclose(found[..., place], slope.numpy(), atol=1e-7)
    return found


def information_twin(network: nn.Module, x: Tensor) -> np.ndarray:
    """Mean of A^T A, A = L^T J, L L^T = diag(p) - p p^T, sample by sample."""
    with torch.no_grad():
        logits = network.eval()(x)
    rows = []
    for sample, jacobian in zip(logits, derivatives(network, x), strict=True):
        p = 0.95 * sample.softmax(0).numpy() + 0.05 / len(sample)
        values, vectors = np.linalg.eigh(np.diag(p) - np.outer(p, p))
        root = vectors * np.sqrt(values.clip(min=0))
        a = root.T @ jacobian
        rows.append(a.T @ a)
    return np.mean(rows, axis=0)


def vkdnw_twin(information: np.ndarray) -> float:
    singular = np.linalg.svd(information, compute_uv=False)
    deciles = [float(np.quantile(singular, k / 10)) for k in range(1, 10)]
    shares = [d / sum(deciles) for d in deciles]
    return -sum(p * math.log(p) for p in shares if p > 0)


class Sequence(nn.Module):
    """Linear layers along a sequence, and a one-dimensional convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm = nn.Linear(5, 6), nn.LayerNorm(6)
        self.conv, self.head = nn.Conv1d(6, 7, 3, padding=1), nn.Linear(7, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.norm(self.embed(x)))
        return self.head(torch.relu(self.conv(x.transpose(1, 2))).mean(2))


VKDNW: dict[str, tuple[Any, tuple[int, ...]]] = {
    **NETWORKS,
    "sequence": (Sequence, (8, 5)),
    # One convolution that runs three times: one weight, wherever it acts.
    "shared": (zoo.Shared, (3, 6, 6)),
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", VKDNW)
def test_vkdnw(name: str, seed: int) -> None:
    build, shape = VKDNW[name]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build().double()
        x = torch.randn(6, *shape, dtype=torch.float64)
    excitation = Excitation(inputs=x, initialisation="keep")
    kept: list[Tensor] = []

    def keep(evidence: FisherEvidence) -> None:
        kept.append(evidence.information.clone())

    PROBES["logit_jacobian"](network, excitation, [keep], seed=0)
    wanted = information_twin(network, x)
    np.testing.assert_allclose(kept[0].numpy(), wanted, rtol=1e-9, atol=1e-14)
    table = Scorer(["vkdnw"], excitation, device="cpu").score([network])
    assert table.values[0, 0] == pytest.approx(vkdnw_twin(wanted), rel=1e-6)


def test_vkdnw_of_a_weight_that_is_computed_is_that_of_the_weight() -> None:
    network = zoo.parametrised().double().eval()

    def unparametrised(layer: nn.Module) -> nn.Module:
        if not isinstance(layer, nn.Conv2d):
            return layer
        same = nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1).double()
        same.load_state_dict({"weight": layer.weight, "bias": layer.bias})
        return same

    plain = nn.Sequential(*map(unparametrised, network.children()))
    x = torch.randn(6, 3, 8, 8, dtype=torch.float64)
    scorer = Scorer(["vkdnw"], Excitation(inputs=x, initialisation="keep"), device="cpu")
    one, two = scorer.score([network, plain]).values[:, 0]
    assert one == pytest.approx(two, rel=1e-9)


def test_vkdnw_reads_only_layers_that_run() -> None:
    """A layer that is bypassed has no derivative; it must not count as one of zero."""
    network, x = Sequence().double(), torch.randn(6, 8, 5, dtype=torch.float64)
    scorer = Scorer(["vkdnw"], Excitation(inputs=x, initialisation="keep"), device="cpu")
    wanted = scorer.score([network]).values[0, 0]
    for place in range(3):
        network.add_module(f"unused{place}", nn.Linear(3, 3).double())
    assert scorer.score([network]).values[0, 0] == wanted


def test_vkdnw_reads_what_torchs_attention_hides_in_evaluation_mode() -> None:
    """With its fast path the layers of the encoder would not run one by one."""
    network = nn.Sequential(
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), zoo.Head(7, CLASSES)
    )
    sizes = []
    measure: Any = lambda evidence: sizes.append(len(evidence.information))  # noqa: E731
    before = torch.backends.mha.get_fastpath_enabled()
    PROBES["logit_jacobian"](network, Excitation((7, 8), batch_size=4), [measure], seed=0)
    assert sizes == [3]  # two of the encoder, the head; attention's own run as functions
    assert torch.backends.mha.get_fastpath_enabled() == before
