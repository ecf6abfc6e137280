"""Equal to the reference numbers of many authors' code: every proxy that has one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zc_plugins import Excitation, Scorer
from zc_plugins.proxies.meco import smallest_eigenvalue
from zc_plugins.spaces.nasbench201 import NasBench201

from .golden_networks import TINY, inputs, labels, with_gauss_weights, with_rule_weights

Shared = Callable[[str], Path]

REFERENCE = {
    "epe_nas": "NL:epe_nas",
    "fisher": "ZC:fisher",
    "grad_norm": "ZC:grad_norm",
    "grad_norm_global": "AZ:grad_norm",
    "gradsign": "AZ:gradsign",
    "grasp": "ZC:grasp",
    "jacov": "ZC:jacob_cov",
    "l2_norm": "ZC:l2_norm",
    "linear_regions": "AZ:te_linear_region",
    "meco_authors": "meco",
    "naswot": "AZ:naswot",
    "ntk_condition": "AZ:te_ntk(-cond)",
    "plain": "ZC:plain",
    "snip": "ZC:snip",
    "swap": "swap",
    "synflow": "AZ:synflow",
    "zen_score_authors": "AZ:zen(rule weights)",
    "zico": "AZ:zico(2 batches)",
}
AS_OURS = {"synflow": math.log, "ntk_condition": lambda negative: -negative}
"""The reference's number in our form: the logarithm, the condition number itself."""


class GivenPerturbation(Excitation):
    """The reference's second input where the network is to be disturbed."""

    def noise(self, device: torch.device, dtype: torch.dtype, rng: torch.Generator) -> Tensor:
        return inputs(self.batch_size, self.input_shape[-1], dtype, seed=4)


def excitation(batch: int, side: int, dtype: torch.dtype, *, channels_last: bool) -> Excitation:
    return GivenPerturbation(
        inputs=inputs(batch, side, dtype),
        targets=labels(batch),
        second=(inputs(batch, side, dtype, seed=11), labels(batch, seed=12)),
        initialisation="keep",
        channels_last=channels_last,
    )


def ours(value: float, proxy: str) -> float:
    return AS_OURS[proxy](value) if proxy in AS_OURS else value


def features_term(network: nn.Module, x: Tensor) -> float:
    """What MeCo's code adds for the reference networks, whose root returns (features, logits).

    It takes the features' rows, which are samples, for channels.
    """
    head: Any = network.head if hasattr(network, "head") else network.classifier
    kept: list[Tensor] = []
    handle = head.register_forward_pre_hook(lambda module, args: kept.append(args[0]))
    with torch.no_grad():
        network.train()(x)
    handle.remove()
    return smallest_eigenvalue(torch.corrcoef(kept[0]).double().numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("case", TINY)
def test_tiny_networks(case: str, dtype: str, channels_last: bool, shared_file: Shared) -> None:
    golden = json.loads(shared_file("det_tiny.json").read_text())[case]
    kind = getattr(torch, dtype)
    network = with_rule_weights(TINY[case](), kind)
    settings = excitation(golden["B"], golden["R"], kind, channels_last=channels_last)
    table = Scorer(list(REFERENCE), settings, device="cpu").score([network])
    assert not table.notes[0]
    for proxy, name in REFERENCE.items():
        # Half of ZiCo's sum comes from gradients that nearly agree.
        tolerance = 1e-9 if dtype == "float64" else 1e-3 if proxy == "zico" else 1e-4
        # In float32 the sign of a gradient near zero is a matter of rounding.
        tolerance = 2e-3 if dtype == "float32" and proxy == "gradsign" else tolerance
        wanted = ours(golden[dtype][name], proxy)
        if proxy == "meco_authors":
            wanted -= features_term(network, inputs(golden["B"], golden["R"], kind))
        assert table.column(proxy)[0] == pytest.approx(wanted, rel=tolerance), proxy


@pytest.mark.parametrize("case", TINY)
def test_zen_score_with_gaussian_weights(case: str, shared_file: Shared) -> None:
    golden = json.loads(shared_file("det_tiny.json").read_text())[case]
    network = with_gauss_weights(TINY[case](), torch.float64)
    settings = excitation(golden["B"], golden["R"], torch.float64, channels_last=False)
    table = Scorer(["zen_score_authors", "zen_score"], settings, device="cpu").score([network])
    wanted = golden["float64"]["AZ:zen(gauss weights)"]
    assert table.column("zen_score_authors")[0] == pytest.approx(wanted, rel=1e-9)
    if case == "N1":
        # The paper's form, measured on the reference network.
        assert table.column("zen_score")[0] == pytest.approx(8.1567, abs=1e-3)


def test_nasbench201_networks(shared_file: Shared) -> None:
    """All architectures in float64; where the reference has artefacts, ours is not a number."""
    golden = json.loads(shared_file("det_nb201_C8N1B8R16.json").read_text())
    space = NasBench201(channels=golden["C"], cells_per_stage=golden["N"])
    settings = excitation(golden["B"], golden["R"], torch.float64, channels_last=True)
    # MeCo's code counts containers, and the reference nests them otherwise.
    proxies = [proxy for proxy in REFERENCE if proxy != "meco_authors"]
    scorer = Scorer(proxies, settings, device="cpu")
    compared = dict.fromkeys(proxies, 0)
    for text, numbers in golden["archs"].items():
        string = text if text.startswith("|") else numbers["arch"]
        network = with_rule_weights(space.build(space.decode(string)), torch.float64)
        table = scorer.score([network])
        for proxy in proxies:
            value, wanted = table.column(proxy)[0], numbers["float64"][REFERENCE[proxy]]
            if math.isnan(value):
                assert proxy in table.notes[0]
                continue
            assert value == pytest.approx(ours(wanted, proxy), rel=1e-6, abs=1e-12), (proxy, text)
            compared[proxy] += 1
    assert min(compared.values()) > 0.8 * len(golden["archs"]), compared
