"""All costs of one network, counted and measured once."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from zc_plugins.costs.activation_memory import activation_memory
from zc_plugins.costs.depth import depth
from zc_plugins.costs.flops import flops
from zc_plugins.costs.latency import latency
from zc_plugins.costs.params import params

UNITS = {
    "params": "parameters",
    "flops": "multiply-adds a sample",
    "depth": "weighted layers in a row",
    "activation_memory": "bytes a sample, in training",
    "latency": "seconds a batch, in inference",
}


@dataclass(frozen=True)
class Measured:
    """What a network costs.

    Attributes:
        costs: in the units of ``UNITS``; None where it cannot be told.
        reasons: by cost, why it cannot.
        batch_size: samples a batch of the latency.
        device: on which it was measured, in words.
    """

    costs: dict[str, float | None]
    reasons: dict[str, str]
    batch_size: int
    device: str


def measured(
    network: nn.Module, input_shape: tuple[int, ...], batch_size: int, device: torch.device
) -> Measured:
    """The costs of a network, its latency on the device, where it is put."""
    count: dict[str, Callable[[], float]] = {
        "params": lambda: params(network),
        "flops": lambda: flops(network, input_shape),
        "depth": lambda: depth(network, input_shape),
        "activation_memory": lambda: activation_memory(network, input_shape),
        "latency": lambda: latency(network.to(device), input_shape, batch_size=batch_size),
    }
    costs: dict[str, float | None] = {}
    reasons = {}
    for name in UNITS:
        try:
            costs[name] = count[name]()
        except Exception as error:
            # One count that a strange network refuses must not cost the result of a search.
            costs[name], reasons[name] = None, f"{type(error).__name__}: {error}"
    return Measured(costs, reasons, batch_size, _in_words(device))


def _in_words(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device.type}, {torch.cuda.get_device_name(device)}"
    if device.type == "cpu":
        threads = torch.get_num_threads()
        return f"cpu, {platform.machine()}, {threads} thread{'s' * (threads > 1)}"
    return device.type
