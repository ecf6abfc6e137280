"""On an accelerator against the CPU: the same numbers, no waiting in a pass, and what it costs.

    python -m benchmarks.accelerator > benchmarks/results/accelerator.jsonl

Four parts, on networks of three spaces:

- parity: each proxy with the network's own weights and a given batch, relative difference to the
  CPU: the largest in float64, and the median in float32. Where a proxy draws numbers of its own, or
  weights are drawn anew, the two devices draw different ones; then means over seeds are compared,
  in standard errors.
- ranking: Kendall tau between the devices' scores of a pool, beside that of two seeds on one, and
  that of float32 and bfloat16.
- synchronisations: how often the driver saw the host wait while one network was scored, beside our
  own count, which needs no accelerator.
- speed: milliseconds and peak memory against a training step of the same network (forward,
  cross-entropy, backward; contiguous, float32), interleaved; and networks a second of a pool, with
  building, by the number of worker processes.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.provenance import provenance
from benchmarks.speed import ALL, AZ_NAS
from benchmarks.stopwatch import Act, training_step
from zc_plugins._seeding import accelerator
from zc_plugins.probes import Excitation
from zc_plugins.proxies import SHELF
from zc_plugins.ranking import kendall_tau
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.spaces.stages import Stages
from zc_plugins.spaces.vit import VitSpace
from zc_plugins.testing.synchronisations import count_synchronisations

SPACES: dict[str, tuple[SearchSpace[Any], tuple[int, ...]]] = {
    "nasbench201": (NasBench201(channels=8, cells_per_stage=1), (3, 16, 16)),
    "stages": (Stages("small_images", classes=10, max_channels=128), (3, 16, 16)),
    "vit": (VitSpace(image_size=32, patch_size=8, classes=10), (3, 32, 32)),
}
"""Small ones, since the CPU must do the same."""

FULL: dict[str, tuple[SearchSpace[Any], tuple[int, ...]]] = {
    "nasbench201": (NasBench201(), (3, 32, 32)),
    "stages": (Stages(max_channels=256), (3, 224, 224)),
    "vit": (VitSpace(), (3, 224, 224)),
}
"""For the speed: sizes that people train."""

ALIKE = 1e-6
"""Relative difference in float64 above which a proxy is taken to draw numbers of its own."""

SEEDS = 8


def networks(space: SearchSpace[Any], number: int, seed: int) -> list[nn.Module]:
    """Random networks, on the CPU."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    return [space.build(space.sample(rng)) for _ in range(number)]


def parity(
    device: torch.device, spaces: Sequence[str], number: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Per space and proxy: the largest relative difference, or the z of means over seeds."""
    for name in spaces:
        space, shape = SPACES[name]
        pool = networks(space, number, seed)
        rng = torch.Generator().manual_seed(seed)
        batches = [torch.randn((8, *shape), generator=rng, dtype=torch.float64) for _ in range(2)]
        for proxy in SHELF:
            apart, scored, same_failures = _apart(pool, proxy, batches, torch.float64, device, seed)
            difference = float(apart.max(initial=0.0))
            single, in_single, _ = _apart(pool, proxy, batches, torch.float32, device, seed)
            yield {
                "space": name,
                "proxy": proxy,
                "scored": scored,
                "same_failures": same_failures,
                "difference": difference,
                "float32": float(np.median(single)) if in_single else 0.0,
                "z": _z(pool[0], proxy, shape, device) if difference > ALIKE else 0.0,
            }  # fmt: skip


def _apart(
    pool: list[nn.Module],
    proxy: str,
    batches: Sequence[torch.Tensor],
    dtype: torch.dtype,
    device: torch.device,
    seed: int,
) -> tuple[Any, int, bool]:
    """Relative differences of the devices, how many the CPU scored, and whether both did."""

    def signs(place: int, shape: torch.Size) -> torch.Tensor:
        rng = torch.Generator().manual_seed(place)
        return torch.randint(0, 2, shape, generator=rng).to(dtype) * 2 - 1

    x, other = (batch.to(dtype) for batch in batches)
    targets = torch.arange(len(x))
    given = Excitation(
        inputs=x,
        targets=targets,
        second=(other, targets.flip(0)),
        initialisation="keep",
        cotangents=signs,
    )
    here, there = (
        _scores([copy.deepcopy(m).to(place, dtype) for m in pool], proxy, given, seed)
        for place in (torch.device("cpu"), device)
    )
    scored = np.isfinite(here)
    apart = np.abs(here - there)[scored] / np.maximum(np.abs(here[scored]), 1e-12)
    return apart, int(scored.sum()), bool((scored == np.isfinite(there)).all())


def _scores(pool: list[nn.Module], proxy: str, excitation: Excitation, seed: int) -> Any:
    table = Scorer([proxy], excitation, seed=seed).score(pool, show_progress=False, workers=1)
    return table.column(proxy)


def _z(model: nn.Module, proxy: str, shape: tuple[int, ...], device: torch.device) -> float:
    """Difference of the means of fresh draws on the two devices, in its standard errors."""
    excitation = Excitation(shape, batch_size=16)
    draws = []
    for place in (torch.device("cpu"), device):
        there = copy.deepcopy(model).to(place)
        draws.append([float(_scores([there], proxy, excitation, s)[0]) for s in range(SEEDS)])
    here, far = (np.array(d)[np.isfinite(d)] for d in draws)
    if min(len(here), len(far)) < 2:
        return float("nan")
    error = np.sqrt(here.var(ddof=1) / len(here) + far.var(ddof=1) / len(far))
    return float((far.mean() - here.mean()) / max(error, 1e-300))


def ranking(device: torch.device, number: int, seed: int) -> Iterator[dict[str, Any]]:
    """Tau between the devices, and on the accelerator between two seeds and two precisions."""
    space, shape = FULL["nasbench201"]
    rng = np.random.default_rng(seed)
    pool = [space.sample(rng) for _ in range(number)]

    def table(
        where: str | torch.device, draw: int, autocast: torch.dtype | None = None
    ) -> ScoreTable:
        excitation = Excitation(shape, batch_size=16, autocast=autocast)
        scorer = Scorer(ALL, excitation, seed=draw, device=where)
        return scorer.score(pool, space=space, show_progress=False)

    first, second = table(device, seed), table(device, seed + 1)
    half, cpu = table(device, seed, torch.bfloat16), table("cpu", seed)
    for proxy in ALL:
        yield {
            "proxy": proxy,
            "tau_cpu_accelerator": round(_tau(cpu, first, proxy), 3),
            "tau_two_seeds": round(_tau(first, second, proxy), 3),
            "tau_bfloat16": round(_tau(first, half, proxy), 3),
        }


def _tau(one: ScoreTable, other: ScoreTable, proxy: str) -> float:
    a, b = one.column(proxy), other.column(proxy)
    both = np.isfinite(a) & np.isfinite(b)
    return float(kendall_tau(a[both], b[both]))


@contextmanager
def _seen_by_the_driver() -> Iterator[list[str]]:
    """Places in the code where CUDA says that the host waited."""
    places: list[str] = []
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield places
        places += [
            f"{w.filename.rsplit('/', 2)[-2]}/{w.filename.rsplit('/', 1)[-1]}:{w.lineno}"
            for w in caught
            if "synchroniz" in str(w.message)
        ]
    finally:
        torch.cuda.set_sync_debug_mode("default")


def synchronisations(device: torch.device, seed: int) -> Iterator[dict[str, Any]]:
    """Per set of proxies: waits that the driver saw, and those that we count on the CPU."""
    sets = {"az_nas": AZ_NAS, "all": ALL, **{name: (name,) for name in SHELF}}
    for name, (space, shape) in SPACES.items():
        model = networks(space, 1, seed)[0]
        there = copy.deepcopy(model).to(device)
        for chosen, proxies in sets.items():
            excitation = Excitation(shape, batch_size=8)
            scorers = [Scorer(proxies, excitation) for _ in range(3)]
            scorers[0].score([there], show_progress=False)
            with _seen_by_the_driver() as seen:
                scorers[1].score([there], show_progress=False)
            with count_synchronisations() as counted:
                scorers[2].score([model], show_progress=False)
            yield {"space": name, "set": chosen, "driver": len(seen),
                         "ours": counted.count, "where": sorted(set(seen))}  # fmt: skip


def speed(
    device: torch.device,
    spaces: Sequence[str],
    number: int,
    repeats: int,
    batch_size: int,
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Per space and way: milliseconds and memory of one network, against its training step."""
    for name in spaces:
        space, shape = FULL[name]
        found: dict[str, list[tuple[float, float]]] = {}
        for place, model in enumerate(networks(space, number, seed)):
            model.to(device)
            acts = _ways(model, shape, batch_size)
            for act in acts.values():
                for _ in range(3 if place == 0 else 1):
                    act()
            spent: dict[str, list[float]] = {way: [] for way in acts}
            for _ in range(repeats):
                for way, act in acts.items():
                    spent[way].append(_milliseconds(act, device))
            for way, act in acts.items():
                peak = _peak_bytes(act, device)
                found.setdefault(way, []).append((median(spent[way]), peak))
        step = found["training_step"]
        for way, values in found.items():
            pairs = list(zip(values, step, strict=True))
            yield {
                "space": name,
                "way": way,
                "milliseconds": round(median(t for t, _ in values), 3),
                "time_ratio": round(median(t / s for (t, _), (s, _) in pairs), 3),
                "memory_ratio": round(median(m / s for (_, m), (_, s) in pairs), 3),
            }  # fmt: skip


def _ways(model: nn.Module, shape: tuple[int, ...], batch_size: int) -> dict[str, Act]:
    device = next(model.parameters()).device
    x = torch.randn((batch_size, *shape), device=device)
    labels = torch.randint(0, 10, (batch_size,), device=device)
    plain = Excitation(shape, batch_size=batch_size)
    settings = {
        "az_nas": (AZ_NAS, plain),
        "az_nas, contiguous": (AZ_NAS, replace(plain, channels_last=False)),
        "az_nas, bfloat16": (AZ_NAS, replace(plain, autocast=torch.bfloat16)),
        "zen_score": (("zen_score",), plain),
        "zico": (("zico",), plain),
        "naswot": (("naswot",), plain),
        "synflow": (("synflow",), plain),
        "all": (ALL, plain),
    }

    def scores(proxies: tuple[str, ...], excitation: Excitation) -> Act:
        # A scorer forgets networks that were handed in built.
        scorer = Scorer(proxies, excitation)
        return lambda: scorer.score([model], show_progress=False)

    def forward() -> None:
        with torch.no_grad():
            model(x)

    model.train()
    return {
        "training_step": lambda: training_step(model, x, labels),
        "forward": forward,
        **{name: scores(*setting) for name, setting in settings.items()},
    }


def _milliseconds(act: Act, device: torch.device) -> float:
    torch.accelerator.synchronize(device)
    start = time.perf_counter()
    act()
    torch.accelerator.synchronize(device)
    return 1e3 * (time.perf_counter() - start)


def _peak_bytes(act: Act, device: torch.device) -> float:
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    act()
    torch.cuda.synchronize(device)
    return float(torch.cuda.max_memory_allocated(device) - before)


def pools(
    device: torch.device, number: int, batch_size: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Networks a second, building included, in this process and with workers."""
    space, shape = FULL["nasbench201"]
    rng = np.random.default_rng(seed)
    for workers in (1, 4, 8):
        scorer = Scorer(AZ_NAS, Excitation(shape, batch_size=batch_size), device=device)
        warm, pool = ([space.sample(rng) for _ in range(n)] for n in (8 * workers, number))
        scorer.score(warm, space=space, workers=workers, show_progress=False)
        start = time.perf_counter()
        scorer.score(pool, space=space, workers=workers, show_progress=False)
        spent = time.perf_counter() - start
        yield {"workers": workers, "networks_per_second": round(number / spent, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--parts", nargs="*", help="some of the parts; all by default")
    parser.add_argument("--spaces", nargs="*", default=list(SPACES), help="of parity and speed")
    parser.add_argument("--networks", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--pool", type=int, default=96)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    device = accelerator()
    if device is None or device.type != "cuda":
        parser.exit(1, "no CUDA device here: this benchmark compares one with the CPU\n")
    number, seed, batch_size = arguments.networks, arguments.seed, arguments.batch_size
    spaces = arguments.spaces
    parts: Mapping[str, Callable[[], Iterator[dict[str, Any]]]] = {
        "synchronisations": lambda: synchronisations(device, seed),
        "speed": lambda: speed(device, spaces, number, arguments.repeats, batch_size, seed),
        "pools": lambda: pools(device, arguments.pool, batch_size, seed),
        "parity": lambda: parity(device, spaces, number, seed),
        "ranking": lambda: ranking(device, arguments.pool, seed),
    }
    about = {"accelerator": torch.cuda.get_device_name(device), **provenance()}
    print(json.dumps({**vars(arguments), **about}))
    for name in arguments.parts or parts:
        for row in parts[name]():
            # At once: a lent machine may be taken away at any moment.
            print(json.dumps({"part": name, **row}), flush=True)


if __name__ == "__main__":
    main()
