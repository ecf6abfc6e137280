"""Real training of what a search finds, against random networks of the same budget.

    python -m benchmarks.search_quality --data ../shared/data --seeds 0 1 2 3 4

For each seed: the winners of three searches (Zen-Score, AZ-NAS's recipe, size alone), twenty random
networks of the same budget, and five near the structure that all searches begin with. All are
trained alike on 1,000 images of CIFAR-10 and tested on 1,000 others. Each finished training is a
line of ``--out``; what is there is not done again, so several processes may take some seeds each.
Without ``--seeds`` the lines that are there are summed up.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from benchmarks.provenance import provenance
from zc_plugins import Budget, Scorer, recipes
from zc_plugins.search import search
from zc_plugins.spaces.stages import XXBL, Backbone, Stages

SHAPE = (3, 32, 32)
START = (
    "SuperConvK3BNRELU(3,8,1,1)SuperResK3K3(8,16,2,8,1)SuperResK3K3(16,32,2,16,1)"
    "SuperResK3K3(32,64,2,32,1)SuperConvK1BNRELU(64,128,1,1)"
)
SPACE = Stages(START, kinds=XXBL, classes=10)
BUDGET = Budget(SHAPE, params=150_000, flops=3e6)
RANDOM, NEAR = 20, 5
LEAST = 0.8
"""Part of the multiply-adds that a random network uses at least."""

STEPS = 200
"""Mutations after which a random walk has forgotten where it began."""

BATCH_SIZE, LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 64, 0.05, 0.9, 5e-4
RESULTS = Path(__file__).parent / "results" / "search_quality.jsonl"

Pair = tuple[Tensor, Tensor]


def winner(way: str, seed: int, candidates: int) -> dict[str, Any]:
    """What one search finds: its text, costs, and the seconds of scoring."""
    scorers: dict[str, Scorer] = {
        "Zen-NAS": recipes.zen_nas(SHAPE, seed=seed),
        "AZ-NAS": recipes.az_nas(SHAPE, seed=seed),
        "size alone": recipes.size(SHAPE),
    }
    found = search(
        SPACE,
        scorers[way],
        BUDGET,
        candidates=candidates,
        # The Zen-Score is defined on networks without residual links.
        scored_in=SPACE.plain if way == "Zen-NAS" else None,
        seed=seed,
    )
    return {"text": found.winner.text, "search_seconds": found.seconds}


def random_networks(seed: int, steps: int) -> Iterator[Backbone]:
    """Where random walks by mutation within the budget first use most of it after some steps."""
    rng = np.random.default_rng([seed, steps])
    while True:
        network, made = SPACE.initial, 0
        while made < steps or BUDGET.keeps("flops", SPACE.flops(network, SHAPE) / LEAST):
            step = SPACE.mutate(network, rng)
            keeps = BUDGET.keeps("flops", SPACE.flops(step, SHAPE))
            if keeps and BUDGET.keeps("params", SPACE.params(step)):
                network, made = step, made + 1
        yield network


def images(data: Path) -> tuple[Pair, Pair]:
    """Images and labels to train on and to test on, standardised."""
    with np.load(data / "cifar10_subset_jpeg75.npz", allow_pickle=False) as arrays:
        parts = []
        for part in ("train", "test"):
            x = torch.from_numpy(arrays[f"x_{part}"]).permute(0, 3, 1, 2).float() / 255
            parts.append((x, torch.from_numpy(arrays[f"y_{part}"]).long()))
    mean, deviation = (f(parts[0][0]) for f in (_channel_mean, _channel_deviation))
    first, second = (
        ((x - mean).div(deviation).to(memory_format=torch.channels_last), y) for x, y in parts
    )
    return first, second


def test_accuracy(model: nn.Module, train: Pair, test: Pair, *, epochs: int, seed: int) -> float:
    """Percent after a training with SGD, a cosine schedule, flips and shifts."""
    rng = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(
        model.parameters(), LEARNING_RATE, MOMENTUM, weight_decay=WEIGHT_DECAY, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    model.train()
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(train[1]), generator=rng), BATCH_SIZE):
            optimizer.zero_grad()
            loss = cross_entropy(model(_augmented(train[0][rows], rng)), train[1][rows])
            torch.autograd.backward(loss)
            optimizer.step()
        schedule.step()
    model.eval()
    with torch.inference_mode():
        found = torch.cat([model(x).argmax(1) for x in torch.split(test[0], 250)])
    return float((found == test[1]).float().mean()) * 100


def _augmented(x: Tensor, rng: torch.Generator) -> Tensor:
    """Each image flipped or not, and shifted by up to four pixels."""
    flipped = torch.where(torch.rand(len(x), 1, 1, 1, generator=rng) < 0.5, x.flip(3), x)
    padded, size = pad(flipped, (4, 4, 4, 4)), x.shape[-1]
    moves = torch.randint(0, 9, (len(x), 2), generator=rng).tolist()
    cut = [
        image[:, i : i + size, j : j + size] for image, (i, j) in zip(padded, moves, strict=True)
    ]
    return torch.stack(cut).contiguous(memory_format=torch.channels_last)


def _channel_mean(x: Tensor) -> Tensor:
    return x.mean((0, 2, 3), keepdim=True)


def _channel_deviation(x: Tensor) -> Tensor:
    return x.std((0, 2, 3), keepdim=True)


def run(seed: int, options: argparse.Namespace, known: set[tuple[int, str]]) -> None:
    """Search and train what the seed lacks, a line each."""
    train, test = images(options.data)
    texts = {
        f"{name} {place}": SPACE.encode(network)
        for name, count, steps in (("random", options.random, STEPS), ("near", options.near, 0))
        for place, network in zip(range(count), random_networks(seed, steps), strict=False)
    }
    for name in ("Zen-NAS", "AZ-NAS", "size alone", *texts):
        if (seed, name) in known:
            continue
        if name in texts:
            line: dict[str, Any] = {"text": texts[name]}
        else:
            line = winner(name, seed, options.candidates)
        architecture = SPACE.decode(line["text"])
        torch.manual_seed(seed)
        model = SPACE.build(architecture)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        start = time.perf_counter()
        accuracy = test_accuracy(model, train, test, epochs=options.epochs, seed=seed)
        line |= {
            "seed": seed,
            "network": name,
            "accuracy": round(accuracy, 2),
            "flops": SPACE.flops(architecture, SHAPE),
            "params": SPACE.params(architecture),
            "layers": SPACE.layers(architecture),
            "candidates": options.candidates,
            "epochs": options.epochs,
            "train_seconds": time.perf_counter() - start,
            "commit": provenance()["commit"],
        }
        with options.out.open("a") as file:
            file.write(json.dumps(line) + "\n")


def summary(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """By way and rivals: means over seeds of accuracy, lead over their median, share beaten."""
    accuracy = {(line["seed"], line["network"]): line["accuracy"] for line in lines}
    rows = []
    for way, rivals in product(("Zen-NAS", "AZ-NAS", "size alone"), ("random", "near")):
        found, medians, beaten = [], [], []
        for seed in sorted({seed for seed, name in accuracy if name == way}):
            others = [a for (s, n), a in accuracy.items() if s == seed and n.startswith(rivals)]
            found.append(accuracy[seed, way])
            medians.append(float(np.median(others)))
            beaten.append(float(np.mean(np.less(others, found[-1]))))
        lead = np.subtract(found, medians)
        rows.append(
            {
                "way": way,
                "rivals": rivals,
                "seeds": len(found),
                "accuracy": float(np.mean(found)),
                "median": float(np.mean(medians)),
                "lead": float(lead.mean()),
                "lead_standard_error": float(stats.sem(lead)) if len(lead) > 1 else None,
                "wins": int((lead > 0).sum()),
                "beaten_share": float(np.mean(beaten)),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of cifar10_subset_jpeg75.npz")
    parser.add_argument("--seeds", type=int, nargs="*", default=[])
    parser.add_argument("--candidates", type=int, default=500, help="that a search scores (500)")
    parser.add_argument("--random", type=int, default=RANDOM, help="random networks a seed (20)")
    parser.add_argument("--near", type=int, default=NEAR, help="near the start, a seed (5)")
    parser.add_argument("--epochs", type=int, default=20, help="of each training (20)")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    lines = _read(options.out)
    known = {(line["seed"], line["network"]) for line in lines}
    for seed in options.seeds:
        run(seed, options, known)
    rows = summary(_read(options.out))
    if options.json:
        print(json.dumps({"rows": rows, **provenance()}))
        return
    print(f"{'':12}{'against':8}{'accuracy':>9}{'median':>8}{'lead':>14}{'wins':>7}{'beaten':>8}")
    for row in rows:
        error = row["lead_standard_error"] or 0.0
        print(
            f"{row['way']:12}{row['rivals']:8}{row['accuracy']:9.2f}{row['median']:8.2f}"
            f"{row['lead']:7.2f} ± {error:4.2f}{row['wins']:4}/{row['seeds']:<2}"
            f"{row['beaten_share']:8.0%}"
        )


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in path.read_text().splitlines()] if path.exists() else []


if __name__ == "__main__":
    main()
