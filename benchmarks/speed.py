"""Time, memory and host synchronisations against one forward and backward pass.

    python -m benchmarks.speed --json               # a recipe
    python -m benchmarks.speed --sets --json        # sets of proxies, and each proxy alone
    python -m benchmarks.speed --scaling --json     # batch, width, depth
    python -m benchmarks.speed --pool --json        # a pool: one thread, all threads, workers

NAS-Bench-201 networks on CIFAR-10's shape, on one thread, interleaved, in CPU seconds (the pool
on the wall). The yardstick is a plain
training step without the update: contiguous tensors, cross-entropy, all gradients. Our time holds
all that a user waits for after building the network: initialisation, input, block boundaries,
probes, flops, host arithmetic. Ratios are medians over networks of medians over repeats.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from benchmarks.pool import Setting
from benchmarks.provenance import provenance
from benchmarks.stopwatch import (
    Act,
    interleaved,
    median,
    peak_bytes,
    seconds,
    spread,
    training_step,
)
from zc_plugins.proxies import SHELF
from zc_plugins.spaces.nasbench201 import Cell, NasBench201
from zc_plugins.testing.synchronisations import count_synchronisations

POPULATION = "nasbench201-cifar10"
AZ_NAS = ("expressivity", "progressivity", "trainability", "complexity")
ALL = (
    *AZ_NAS, "zen_score", "naswot", "grad_norm", "synflow", "zico", "snip", "fisher", "jacov",
    "plain",
)  # fmt: skip
SETS = {
    "az_nas": AZ_NAS,
    "all": ALL,
    "all_and_grasp": (*ALL, "grasp"),
    "shelf": tuple(SHELF),
}
TARGETS = {"az_nas": 0.7, "all": 3.0, "all_and_grasp": 5.0}
"""Times that we aim at; the memory that we aim at is 1.3 for all but the whole shelf."""

SCALES = {
    "batch_size": (16, 32, 64, 128),
    "channels": (8, 16, 32, 64),
    "cells_per_stage": (1, 3, 5, 10),
}
"""What is varied, the others at 64, 16 and 5."""


def cells_of(number: int, seed: int) -> list[Cell]:
    """Random architectures."""
    space, rng = NasBench201(), np.random.default_rng(seed)
    return [space.canonical(space.sample(rng)) for _ in range(number)]


def acts_of(
    cell: Cell, settings: Mapping[str, Setting], space: NasBench201 | None = None
) -> dict[str, Act]:
    """What is measured on one network, with everything built that does not count."""
    torch.manual_seed(0)
    model = (space or NasBench201()).build(cell).train()
    batch_size = next(iter(settings.values())).batch_size
    x, labels = torch.randn(batch_size, 3, 32, 32), torch.randint(0, 10, (batch_size,))

    def scores(setting: Setting) -> Act:
        scorer = setting.scorer()
        return lambda: scorer.score([model], show_progress=False)

    def forward() -> None:
        with torch.no_grad():
            model(x)

    return {
        "training_step": lambda: training_step(model, x, labels),
        "forward": forward,
        **{name: scores(setting) for name, setting in settings.items()},
    }


def synchronisations(act: Act) -> int:
    """Transfers to the host during one run."""
    with count_synchronisations() as counted:
        act()
    return counted.count


def ratios(
    cells: Sequence[Cell], settings: Mapping[str, Setting], repeats: int, memory_networks: int
) -> dict[str, dict[str, Any]]:
    """Per setting: time, memory and synchronisations, in training steps of the same network."""
    times: list[dict[str, float]] = []
    peaks: list[dict[str, float]] = []
    counts: list[dict[str, int]] = []
    for place, cell in enumerate(cells):
        acts = acts_of(cell, settings)
        if not place:
            interleaved(acts, 1)
        times.append(interleaved(acts, repeats))
        if place < memory_networks:
            peaks.append({name: peak_bytes(act) for name, act in acts.items()})
            counts.append({name: synchronisations(acts[name]) for name in settings})
    rows = {}
    for name in ("forward", *settings):
        against_step = [time[name] / time["training_step"] for time in times]
        rows[name] = {
            "time_ratio": median(against_step),
            "time_ratio_range": spread(against_step),
            "memory_ratio": median([peak[name] / peak["training_step"] for peak in peaks]),
            "host_synchronisations": max(count.get(name, 0) for count in counts),
            "per_network": [round(ratio, 4) for ratio in against_step],
        }
    step = median([time["training_step"] for time in times])
    rows["training_step"] = {"time_ratio": 1.0, "memory_ratio": 1.0, "seconds": step}
    return rows


def recipe(arguments: argparse.Namespace) -> dict[str, Any]:
    """One recipe."""
    setting = Setting.of(arguments.recipe, POPULATION, arguments.batch_size, arguments.seed)
    cells = cells_of(arguments.networks, arguments.seed)
    measured = ratios(cells, {"recipe": setting}, arguments.repeats, len(cells))
    row = measured["recipe"]
    return {
        "recipe": arguments.recipe,
        "time_ratio": row["time_ratio"],
        "forward_ratio": measured["forward"]["time_ratio"],
        "memory_ratio": row["memory_ratio"],
        "training_step_seconds": measured["training_step"]["seconds"],
        "time_ratio_range": row["time_ratio_range"],
        "host_synchronisations": row["host_synchronisations"],
        "probes": len({proxy.reads for proxy in setting.scorer().proxies}),
        "threads": 1,
    }


def sets(arguments: argparse.Namespace) -> dict[str, Any]:
    """The sets, and each proxy alone: what sharing saves."""
    members = {**SETS, **{f"{name} alone": (name,) for name in SHELF}}
    if arguments.proxies:
        chosen = tuple(arguments.proxies.split(","))
        members = {"chosen": chosen, **{f"{name} alone": (name,) for name in chosen}}
    settings = {
        name: Setting(proxies, POPULATION, arguments.batch_size, arguments.seed)
        for name, proxies in members.items()
    }
    measured = ratios(
        cells_of(arguments.networks, arguments.seed), settings, arguments.repeats, memory_networks=3
    )
    single = {name: np.array(measured[f"{name} alone"]["per_network"]) for name in SHELF
              if f"{name} alone" in measured}  # fmt: skip
    rows = []
    for name, row in measured.items():
        shared = members.get(name, ())
        if len(shared) > 1:
            alone = np.sum([single[proxy] for proxy in shared], axis=0)
            row["singles_sum_ratio"] = median(alone.tolist())
            row["target"] = TARGETS.get(name)
            row["probes"] = len({SHELF[proxy].reads for proxy in shared})
        row.pop("per_network", None)
        rows.append({"set": name, **row})
    return {"rows": rows, "sets": {name: list(SETS[name]) for name in SETS}, "threads": 1}


def scaling(arguments: argparse.Namespace) -> dict[str, Any]:
    """The set "all" as batch, width and depth grow."""
    cells = cells_of(arguments.networks, arguments.seed)
    rows: list[dict[str, Any]] = []
    exponents: dict[str, float] = {}
    for axis, values in SCALES.items():
        found: list[dict[str, Any]] = []
        for value in values:
            sizes = {"batch_size": arguments.batch_size, "channels": 16, "cells_per_stage": 5}
            sizes[axis] = value
            batch_size = sizes.pop("batch_size")
            setting = Setting(ALL, POPULATION, batch_size, arguments.seed)
            times = []
            for cell in cells:
                acts = acts_of(cell, {"all": setting}, NasBench201(**sizes))
                del acts["forward"]
                interleaved(acts, 1)
                times.append(interleaved(acts, arguments.repeats))
            row = {
                "axis": axis,
                "value": value,
                "training_step_seconds": median([time["training_step"] for time in times]),
                "all_seconds": median([time["all"] for time in times]),
                "time_ratio": median([time["all"] / time["training_step"] for time in times]),
            }
            found.append(row)
        steps, ours = (np.log([row[name] for row in found])
                       for name in ("training_step_seconds", "all_seconds"))  # fmt: skip
        slope = np.cov(steps, ours)[0, 1] / max(np.var(steps, ddof=1), 1e-12)
        exponents[axis] = round(float(slope), 3)
        rows += found
    # Exponent of our seconds in the training step's: 1 is linear, less is a fixed share.
    return {"rows": rows, "exponents": exponents, "threads": 1}


def pool(arguments: argparse.Namespace) -> dict[str, Any]:
    """Wall seconds of a pool: in this process, and with one worker a core."""
    setting = Setting.of(arguments.recipe, POPULATION, arguments.batch_size, arguments.seed)
    space, cores = setting.space(), os.cpu_count() or 1
    drawn = cells_of(arguments.networks + 2 * cores + 1, arguments.seed)
    cells, others = drawn[: arguments.networks], drawn[arguments.networks :]
    rows: list[dict[str, Any]] = []

    def timed(name: str, threads: int, workers: int | str, *, warm: bool) -> None:
        torch.set_num_threads(threads)
        scorer = setting.scorer()
        # One candidate here, so that this process is warm; a few more make the workers warm.
        scorer.score(others if warm else others[:1], space=space, workers=workers if warm else 1)
        spent = seconds(
            lambda: scorer.score(cells, space=space, workers=workers, show_progress=False)
        )
        rows.append({"way": name, "threads": threads, "workers": workers,
                     "seconds": round(spent, 2)})  # fmt: skip

    timed("this process, one thread", 1, 1, warm=False)
    timed("this process, all threads", cores, 1, warm=False)
    timed("workers, start included", 1, cores, warm=False)
    timed("workers that wait", 1, cores, warm=True)
    timed("auto, from one thread", 1, "auto", warm=False)
    for row in rows:
        row["speedup"] = round(rows[0]["seconds"] / row["seconds"], 2)
    return {"rows": rows, "recipe": arguments.recipe, "cores": cores}


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    """Columns of text."""
    heads = list(dict.fromkeys(key for row in rows for key in row))
    cells = [heads, *([str(row.get(head, "")) for head in heads] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    for line in cells:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)))


COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], dict[str, Any]], int, int]] = {
    "recipe": (recipe, 10, 5),
    "sets": (sets, 8, 2),
    "scaling": (scaling, 3, 2),
    "pool": (pool, 64, 1),
}
"""What is measured, on how many networks and with how many repeats by default."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--recipe", default="az_nas")
    which = parser.add_mutually_exclusive_group()
    for name in ("sets", "scaling", "pool"):
        which.add_argument(f"--{name}", dest="command", action="store_const", const=name)
    parser.add_argument("--proxies", help="for --sets: these alone and together, with commas")
    parser.add_argument("--networks", type=int)
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    measure, networks, repeats = COMMANDS[arguments.command or "recipe"]
    arguments.networks = arguments.networks or networks
    arguments.repeats = arguments.repeats or repeats
    result = measure(arguments)
    about = {
        "networks": arguments.networks,
        "repeats": arguments.repeats,
        "batch_size": arguments.batch_size,
        "seed": arguments.seed,
    }
    if not arguments.json and "rows" in result:
        show(result.pop("rows"))
    print(json.dumps({**result, **about, **provenance()}))


if __name__ == "__main__":
    main()
