"""Each proxy against a second, slow and obvious implementation, in loops and from the formula.

Proxies with reference numbers of their authors' code are in tests/test_golden_shelf.py too; the
twins here see other networks: strides, biases, groups, sequences, shared layers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.proxies.small_cases import BATCH, NETWORKS, Case


def grad_norm(case: Case) -> float:
    return sum(float(g.norm()) for g in torch.autograd.grad(case.loss(), case.weights()))


def grad_norm_global(case: Case) -> float:
    gradients = torch.autograd.grad(case.loss(), list(case.network.parameters()))
    return math.sqrt(sum(float(g.square().sum()) for g in gradients))


def snip(case: Case) -> float:
    gradients = torch.autograd.grad(case.loss(), case.weights())
    return sum(
        float((w * g).abs().sum().detach()) for w, g in zip(case.weights(), gradients, strict=True)
    )


def plain_saliency(case: Case) -> float:
    gradients = torch.autograd.grad(case.loss(), case.weights())
    return sum(
        float((w * g).sum().detach()) for w, g in zip(case.weights(), gradients, strict=True)
    )


def l2_norm(case: Case) -> float:
    return sum(math.sqrt(sum(v * v for v in w.flatten().tolist())) for w in case.weights())


def trainable_layers(case: Case) -> float:
    return float(sum(p.dim() > 1 for p in case.network.parameters()))


def params(case: Case) -> float:
    return float(sum(math.prod(p.shape) for p in case.network.parameters()))


def initial_loss(case: Case) -> float:
    total = 0.0
    for logits, label in zip(case.network(case.x).detach(), case.y, strict=True):
        total -= math.log(math.exp(logits[label]) / sum(math.exp(v) for v in logits))
    return total / BATCH


def gradient_range(case: Case) -> float:
    gradients = torch.autograd.grad(case.loss(), case.weights())
    sizes = [math.sqrt(sum(v * v for v in g.flatten().tolist()) / g.numel()) for g in gradients]
    return math.log10(max(sizes) / min(sizes))


def dead_units(case: Case) -> float:
    dead = total = 0
    for layer in case.patterns():
        for unit in zip(*layer, strict=True):
            dead, total = dead + (not any(unit)), total + 1
    return dead / total


def linear_regions(case: Case) -> float:
    whole = [sum(parts, ()) for parts in zip(*case.patterns(), strict=True)]
    return float(len(set(whole)))


def swap(case: Case) -> float:
    return float(len({unit for layer in case.patterns() for unit in zip(*layer, strict=True)}))


def naswot(case: Case) -> float:
    kernel = np.zeros((BATCH, BATCH))
    for layer in case.patterns():
        for i, one in enumerate(layer):
            for j, two in enumerate(layer):
                kernel[i, j] += sum(a == b for a, b in zip(one, two, strict=True))
    return float(np.log(np.abs(np.linalg.det(kernel / 100))) + BATCH * np.log(100))


def fisher(case: Case) -> float:
    total = 0.0
    for place, layer in enumerate(case.layers()):
        nudge: list[Tensor] = []

        def keep(module: nn.Module, args: Any, output: Tensor, kept: Any = nudge) -> None:
            kept.append(output)

        handle = layer.register_forward_hook(keep)
        loss = case.loss()
        handle.remove()
        (gradient,) = torch.autograd.grad(loss, nudge[0])
        product = (nudge[0].detach() * gradient).reshape(BATCH, gradient.shape[1], -1)
        fan_in = case.weights()[place][0].numel()
        for channel in product.unbind(1):
            for sample in channel:
                total += fan_in * float(sample.sum()) ** 2 / BATCH / 2
    return total


def grasp(case: Case) -> float:
    """The derivative of the squared gradient norm along the weights, by central differences."""
    weights = case.weights()

    def squared(step: float) -> float:
        with torch.no_grad():
            originals = [w.clone() for w in weights]
            for w in weights:
                w.mul_(1 + step)
        gradients = torch.autograd.grad(case.loss(), weights)
        with torch.no_grad():
            for w, original in zip(weights, originals, strict=True):
                w.copy_(original)
        return sum(float((g * h).sum().detach()) for g, h in zip(gradients, fixed, strict=True))

    fixed = torch.autograd.grad(case.loss(), weights)
    return -(squared(1e-6) - squared(-1e-6)) / 2e-6


def zico_terms(case: Case) -> list[float]:
    first = torch.autograd.grad(case.loss(), case.weights())
    other = F.cross_entropy(case.network(case.x2), case.y2)
    second = torch.autograd.grad(other, case.weights())
    terms = []
    for a, b in zip(first, second, strict=True):
        total = 0.0
        for pair in zip(a.flatten().tolist(), b.flatten().tolist(), strict=True):
            if np.std(pair) != 0:
                total += np.mean(np.abs(pair)) / np.std(pair)
        terms.append(math.log(total))
    return terms


def zico(case: Case) -> float:
    return sum(zico_terms(case))


def zico_bc(case: Case) -> float:
    sizes = []
    for output in case.outputs((nn.Conv2d, nn.Linear)):
        height, width = output.shape[2:] if output.dim() == 4 else (1, 1)
        sizes.append(math.log(height * width / math.sqrt(output.shape[1])))
    # The order of running is the order of the modules, as sums need anyway.
    return sum(zico_terms(case)) - sum(sizes)


def gradsign(case: Case) -> float:
    totals = [torch.zeros_like(w) for w in case.weights()]
    for x, y in zip(case.x, case.y, strict=True):
        loss = F.cross_entropy(case.network(x[None]), y[None])
        gradients = torch.autograd.grad(loss, case.weights())
        totals = [t + g.sign() for t, g in zip(totals, gradients, strict=True)]
    flat = torch.cat([total.flatten() for total in totals])
    return float(flat.abs().mean())


def ntk_condition(case: Case) -> float:
    named = [p for n, p in case.network.named_parameters() if "weight" in n]
    rows = []
    for place in range(BATCH):
        total = case.network(case.x)[place].sum()
        gradients = torch.autograd.grad(total, named)
        rows.append(torch.cat([g.flatten() for g in gradients]).numpy())
    values = np.linalg.svd(np.stack(rows), compute_uv=False) ** 2
    return float(values.max() / values.min())


def input_correlation(case: Case) -> np.ndarray:
    x = case.x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(case.network(x).sum(), x)
    return np.corrcoef(gradient.reshape(BATCH, -1).numpy())


def jacov(case: Case) -> float:
    values = np.linalg.eigvals(input_correlation(case)).real + 1e-5
    return float(-sum(math.log(v) + 1 / v for v in values))


def epe_nas(case: Case) -> float:
    matrix, score = input_correlation(case), 0.0
    for label in set(case.y.tolist()):
        members = [i for i in range(BATCH) if case.y[i] == label]
        score += abs(sum(math.log(abs(matrix[i, j]) + 1e-5) for i in members for j in members))
    return score


def synflow(case: Case) -> float:
    """Without normalisation the linear flow of ones: sum of |w| times its derivative."""
    flows = {id(p): p.detach().abs().requires_grad_() for p in case.network.parameters()}
    for module in case.twin.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.forward = lambda x: x  # type: ignore[method-assign]
    names = dict(case.network.named_parameters())
    values = {name: flows[id(p)] for name, p in names.items()}
    ones = torch.ones_like(case.x[:1])
    total = torch.func.functional_call(case.twin, values, (ones,)).sum()
    weights = [flows[id(w)] for w in case.weights()]
    gradients = torch.autograd.grad(total, weights)
    return math.log(
        sum(float((w * g).sum().detach()) for w, g in zip(weights, gradients, strict=True))
    )


TWINS: dict[str, Callable[[Case], float]] = {
    "dead_units": dead_units, "epe_nas": epe_nas, "fisher": fisher, "grad_norm": grad_norm,
    "grad_norm_global": grad_norm_global, "gradient_range": gradient_range, "gradsign": gradsign,
    "grasp": grasp, "initial_loss": initial_loss, "jacov": jacov, "l2_norm": l2_norm,
    "linear_regions": linear_regions, "naswot": naswot, "ntk_condition": ntk_condition,
    "params": params, "plain": plain_saliency, "snip": snip, "swap": swap, "synflow": synflow,
    "trainable_layers": trainable_layers, "zico": zico, "zico_bc": zico_bc,
}  # fmt: skip
LOOSE = {"grasp": 1e-5, "ntk_condition": 1e-6, "jacov": 1e-7, "zico": 1e-7, "zico_bc": 1e-7}
"""Differences, or quotients of rounded numbers; all others agree to 1e-9."""


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("proxy", TWINS)
def test_twin(proxy: str, network: str, seed: int) -> None:
    if proxy == "gradsign" and network != "perceptron":
        network = "grouped"
    case = Case(network, seed)
    wanted = TWINS[proxy](case)
    value = case.score(proxy)
    assert value == pytest.approx(wanted, rel=LOOSE.get(proxy, 1e-9), abs=1e-12)
