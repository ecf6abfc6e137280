"""What every probe must keep."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zc_plugins._seeding import seeded
from zc_plugins.probes import Excitation, Measure, Probe, Reading
from zc_plugins.testing.synchronisations import count_synchronisations


def check_probe(
    probe: Probe,
    measures: Sequence[Measure],
    *,
    model: nn.Module | None = None,
    input_shape: tuple[int, ...] = (3, 16, 16),
) -> None:
    """Check that a probe leaves no fingerprint, repeats itself and waits for the device once.

    Nothing is changed of hooks, weights (values and storage), buffers, train or eval modes,
    ``requires_grad``, gradients and the global random state: after success, after an input that
    the network refuses, and after a module that raises in the middle.

    Args:
        probe: yours.
        measures: that read the probe's evidence, those of your proxies for example.
        model: a network that the probe can read; a small convolutional one by default.
        input_shape: of one sample, without the batch axis.

    Raises:
        AssertionError: with what is wrong.
    """
    network = _network() if model is None else model
    excitation = Excitation(input_shape, batch_size=4)

    def run(case: str, excitation: Excitation = excitation) -> Reading | None:
        before = _fingerprint(network)
        try:
            with count_synchronisations() as synchronisations:
                reading = probe(network, excitation, measures, seed=7)
        except Exception:
            if case == "success":
                raise
            reading = None
        _assert_same(before, _fingerprint(network), case)
        assert synchronisations.count <= 1, f"waits for the device at {synchronisations.calls}"
        return reading

    first = run("success")
    with seeded(99):
        second = run("success")
    _assert_equal(first, second)
    run("a refused input", Excitation((*input_shape, 2, 2), batch_size=4))
    # A module that raises at its first run breaks a preparing pass, later ones the main pass.
    modules = list(network.modules())
    for runs in range(3):
        handle = modules[len(modules) // 2].register_forward_hook(_raise_after(runs))
        try:
            run(f"a module that raised at run {runs + 1}")
        finally:
            handle.remove()


class _Broken(Exception):
    """The module of the test failed, as it should."""


def _raise_after(runs: int) -> Any:
    calls = itertools.count()

    def hook(module: nn.Module, args: Any, output: Any) -> None:
        if next(calls) >= runs:
            raise _Broken

    return hook


def _network() -> nn.Module:
    """With something to disturb: buffers, two modes, a frozen weight, a gradient, a user's hook."""
    with seeded(0):
        network = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 12, 3, 2, 1),
            nn.BatchNorm2d(12).eval(),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Conv2d(12, 12, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(12, 10),
        )
    first, frozen = network[0].weight, network[3].weight
    assert isinstance(first, Tensor)
    assert isinstance(frozen, Tensor)
    first.grad = torch.ones_like(first)
    frozen.requires_grad_(False)
    network[5].register_forward_hook(_of_the_user)
    return network


def _of_the_user(module: nn.Module, args: Any, output: Any) -> None:
    return None


def _fingerprint(model: nn.Module) -> dict[str, object]:
    """All that a probe must not change, by a name for the message."""
    prints: dict[str, object] = {
        "the global state of random": random.getstate(),
        "the global state of numpy": _numpy_state(),
        "the global state of torch": _bytes(torch.get_rng_state()),
    }
    for name, module in model.named_modules():
        of = f"of {name or 'the network'}"
        prints[f"the mode {of}"] = module.training
        for table, value in vars(module).items():
            if table.endswith("_hooks"):
                prints[f"{table.strip('_')} {of}"] = list(value.items())
        tensors = (*module._parameters.items(), *module._buffers.items())
        prints[f"the names {of}"] = [key for key, _ in tensors]
        for key, tensor in tensors:
            if tensor is not None:
                prints |= {f"{k} of {name}.{key}": v for k, v in _tensor_print(tensor).items()}
    hooks = vars(torch.nn.modules.module)
    prints["global hooks"] = [len(hooks[key]) for key in sorted(hooks) if _is_global_hooks(key)]
    return prints


def _numpy_state() -> object:
    state: Any = np.random.get_state(legacy=False)
    return (state["state"]["key"].tobytes(), state["state"]["pos"], state["has_gauss"])


def _tensor_print(tensor: Tensor) -> dict[str, object]:
    grad = tensor.grad
    return {
        "the identity": id(tensor),
        "the storage": tensor.data_ptr(),
        "the strides": tensor.stride(),
        "the device": tensor.device,
        "requires_grad": tensor.requires_grad,
        "the values": _bytes(tensor),
        "the gradient": None if grad is None else (id(grad), grad.data_ptr(), _bytes(grad)),
    }


def _bytes(tensor: Tensor) -> bytes:
    if tensor.is_meta:
        return b""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def _is_global_hooks(name: str) -> bool:
    return name.startswith("_global_") and name.endswith("_hooks")


def _assert_same(before: dict[str, object], after: dict[str, object], case: str) -> None:
    changed = [key for key in (before | after) if before.get(key) != after.get(key)]
    assert not changed, f"changed after {case}: {'; '.join(changed[:5])}"


def _assert_equal(first: Reading | None, second: Reading | None) -> None:
    assert first is not None, "the probe gave None, a Reading is wanted"
    assert second is not None, "the probe gave None, a Reading is wanted"
    assert first.layers == second.layers, f"one seed, layers {first.layers} and {second.layers}"
    for one, two in zip(first.statistics, second.statistics, strict=True):
        for (layer, value), (_, again) in zip(one, two, strict=True):
            same = np.array_equal(value, again, equal_nan=True)
            assert same, f"one seed, two readings of {layer}: {value} and {again}"
