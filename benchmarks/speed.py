"""Time, memory and host synchronisations of a recipe against one forward and backward pass.

    python -m benchmarks.speed --json

The same NAS-Bench-201 networks and batch size, on one thread, interleaved. The yardstick is a plain
training step without the update: contiguous tensors, cross-entropy, all gradients. The recipe's
time holds all that a user waits for after building the network: initialisation, input, block
boundaries, probe, flops, host arithmetic. Ratios are medians over networks of medians over repeats.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from benchmarks.pool import Setting
from benchmarks.provenance import provenance
from zc_plugins.spaces.nasbench201 import Cell, NasBench201
from zc_plugins.testing.synchronisations import count_synchronisations

ACTIONS = ("recipe", "training_step", "forward")


def training_step(model: nn.Module, x: Tensor, labels: Tensor) -> None:
    """One forward and backward to all parameters."""
    model.zero_grad(set_to_none=True)
    torch.autograd.backward(nn.functional.cross_entropy(model(x), labels))


def action(name: str, cell: Cell, setting: Setting) -> Callable[[], Any]:
    """What is measured, with everything built that does not count."""
    torch.manual_seed(0)
    model = NasBench201().build(cell).train()
    scorer = setting.scorer()
    x = torch.randn(setting.batch_size, *scorer.excitation.input_shape)
    labels = torch.randint(0, 10, (setting.batch_size,))
    if name == "recipe":
        return lambda: scorer.score([model], show_progress=False)
    if name == "training_step":
        return lambda: training_step(model, x, labels)

    def forward() -> None:
        with torch.no_grad():
            model(x)

    return forward


def seconds(act: Callable[[], Any]) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def peak_bytes(act: Callable[[], Any]) -> int:
    """Largest sum of live bytes that torch's allocator held during one run, above the start."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        act()
    results: Any = profiler.profiler
    events = [e for e in results.kineto_results.events() if e.name() == "[memory]"]
    live = np.cumsum([e.nbytes() for e in sorted(events, key=lambda e: e.start_ns())])
    return int(live.max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--recipe", default="az_nas")
    parser.add_argument("--networks", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    setting = Setting(arguments.recipe, "cifar10", arguments.batch_size, arguments.seed)
    space, rng = NasBench201(), np.random.default_rng(arguments.seed)
    cells = [space.canonical(space.sample(rng)) for _ in range(arguments.networks)]
    rows: list[dict[str, Any]] = []
    for cell in cells:
        acts = {name: action(name, cell, setting) for name in ACTIONS}
        for act in acts.values():
            act()
        # Interleaved, so that a busy moment falls on all.
        runs = [
            {name: seconds(act) for name, act in acts.items()} for _ in range(arguments.repeats)
        ]
        times = {name: statistics.median(run[name] for run in runs) for name in ACTIONS}
        with count_synchronisations() as synchronisations:
            acts["recipe"]()
        peaks = {name: peak_bytes(acts[name]) for name in ("recipe", "training_step")}
        rows.append(
            {
                "cell": space.encode(cell),
                "training_step_seconds": times["training_step"],
                "time_ratio": times["recipe"] / times["training_step"],
                "forward_ratio": times["forward"] / times["training_step"],
                "memory_ratio": peaks["recipe"] / peaks["training_step"],
                "host_synchronisations": synchronisations.count,
            }
        )
        if not arguments.json:
            print(rows[-1])
    median: dict[str, float] = {
        name: round(statistics.median(row[name] for row in rows), 3)
        for name in ("time_ratio", "forward_ratio", "memory_ratio", "training_step_seconds")
    }
    result = {
        "recipe": arguments.recipe,
        "networks": arguments.networks,
        "repeats": arguments.repeats,
        "batch_size": arguments.batch_size,
        "seed": arguments.seed,
        **median,
        "time_ratio_range": [
            round(min(row["time_ratio"] for row in rows), 3),
            round(max(row["time_ratio"] for row in rows), 3),
        ],
        "host_synchronisations": max(row["host_synchronisations"] for row in rows),
        "probes": len({proxy.reads for proxy in setting.scorer().proxies}),
        "threads": 1,
        **provenance(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
