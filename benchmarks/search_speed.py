"""What a search costs: a step as the history grows, and candidates a second against a forward.

    python -m benchmarks.search_speed --steps --json        # scores that cost nothing
    python -m benchmarks.search_speed --throughput --json   # recipes.zen_nas and recipes.az_nas

On Zen-NAS's super-blocks for 32 x 32 pixels, one thread, in CPU seconds. A step is all that
``search`` does for a candidate: propose, ask the budget, build, score, tell the population. The
floor of the throughput is one forward of the network that was scored, in train mode, without
gradients and in the same batch; it is measured between the steps. The Zen-Score needs two forwards,
AZ-NAS one with a sweep back through each block.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import nn

from benchmarks.provenance import provenance
from benchmarks.speed import show
from benchmarks.stopwatch import interleaved, median, spread
from zc_plugins import recipes
from zc_plugins._progress import progress
from zc_plugins._seeding import seeded
from zc_plugins.costs.budget import Budget
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.search import AzEvolution, FrontEvolution, ZenEvolution, search
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.stages import Stages

SHAPE = (3, 32, 32)
BUDGET = Budget(SHAPE, params=1e6, flops=1.6e8)
SPACE = Stages("small_images", classes=10)

EVOLUTIONS: dict[str, tuple[int, Any]] = {
    "ZenEvolution": (1, ZenEvolution()),
    "AzEvolution": (4, AzEvolution()),
    "FrontEvolution": (1, FrontEvolution("flops")),
}
"""Number of proxies and settings, the published ones."""

RECIPES: dict[str, tuple[Callable[..., Scorer], int, SearchSpace[Any]]] = {
    "zen_nas": (recipes.zen_nas, 16, SPACE.plain),
    "az_nas": (recipes.az_nas, 64, SPACE),
    "az_nas, batch of 16": (recipes.az_nas, 16, SPACE),
}
"""Recipe, batch size and the space whose networks are scored."""

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}

WINDOW = 200
"""Steps before a history size whose median is its cost."""


class Free(Scorer):
    """Scores at no cost: noise, and in the first column the number of parameters."""

    def __init__(self, proxies: int) -> None:
        names = ["params", "complexity", "zen_score", "naswot"][:proxies]
        super().__init__(names, recipes.zen_nas(SHAPE).excitation, device="cpu")
        self._rng = np.random.default_rng(0)

    def score(self, pool: Iterable[Any], *, space: Any = None, **_: Any) -> ScoreTable:
        """A row of noise for each architecture."""
        architectures = list(pool)
        noise = self._rng.normal(size=(len(architectures), len(self.proxies)))
        noise[:, 0] = np.log([space.params(a) for a in architectures]) + noise[:, 0] / 10
        names = [proxy.name for proxy in self.proxies]
        return ScoreTable([space.encode(a) for a in architectures], noise, names)


@dataclass
class Laps:
    """Asked by ``search`` before each step, tells the CPU seconds of the step before."""

    between: Callable[[], None] = lambda: None
    seconds: list[float] = field(default_factory=list)
    _left: float | None = None

    def __call__(self) -> bool:
        if self._left is not None:
            self.seconds.append(time.process_time() - self._left)
            self.between()
        self._left = time.process_time()
        return False


def steps(arguments: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of a step at each history size, and of ranking the history anew.

    A step takes as many proposals as the budget and what is known already ask for.
    """
    rows = []
    largest = max(arguments.sizes)
    for name, (proxies, by) in EVOLUTIONS.items():
        laps = Laps()
        # One more, since the last step is told when the next is asked for.
        result = search(
            SPACE, Free(proxies), BUDGET, by=by, candidates=largest + 1, seed=arguments.seed,
            stop=laps, show_progress=False,
        )  # fmt: skip
        row: dict[str, Any] = {"evolution": name}
        for size in arguments.sizes:
            row[f"{size:,}"] = median([1000 * s for s in laps.seconds[:size][-WINDOW:]])
            window = [individual.step for individual in result.history[:size][-WINDOW:]]
            row[f"proposals at {size:,}"] = round((window[-1] - window[0]) / (len(window) - 1), 2)
        rows.append(row)
    rows.append(ranking(arguments))
    return {"rows": rows, "unit": "ms", "window": WINDOW}


def ranking(arguments: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of AZ-NAS's four rankings and their sum over a whole history of that size."""
    row: dict[str, Any] = {"evolution": "ranks of the whole history alone"}
    for size in arguments.sizes:
        values = np.random.default_rng(arguments.seed).normal(size=(size, 4))

        def ranked(values: Any = values) -> None:
            np.log(stats.rankdata(values, axis=0) / len(values)).sum(axis=1).argmax()

        row[f"{size:,}"] = round(1000 * interleaved({"ranked": ranked}, 5)["ranked"], 3)
    return row


class Watched(Scorer):
    """A recipe's scorer that remembers what it was last asked to score."""

    def __init__(self, made: Scorer) -> None:
        super().__init__(
            made.proxies, made.excitation, ensemble=made.ensemble, seed=made.seed, device="cpu"
        )
        self.last: Any = None

    def score(self, pool: Iterable[Any], **settings: Any) -> ScoreTable:
        """As the recipe's."""
        (self.last,) = architectures = list(pool)
        return super().score(architectures, **settings)


def throughput(arguments: argparse.Namespace) -> dict[str, Any]:
    """Candidates a second of each recipe, and as a share of the forwards a second."""
    rows = [
        measured(name, arguments)
        for name in progress(list(RECIPES), total=len(RECIPES), description="recipes")
    ]
    return {"rows": rows, "goal": 0.7}


def measured(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """A search with a recipe, and the floors of each network that it scores."""
    make, batch_size, networks = RECIPES[name]
    scorer = Watched(make(SHAPE, batch_size=batch_size))
    x = torch.randn((batch_size, *SHAPE), generator=torch.Generator().manual_seed(0))
    floors: list[dict[str, float]] = []
    scored: list[int] = []

    def floor() -> None:
        scored.append(scorer.scored)
        with seeded(0):
            network = networks.build(scorer.last)
        floors.append(forwards(network, x, arguments.repeats))

    laps = Laps(floor)
    search(
        SPACE, scorer, BUDGET, candidates=arguments.candidates + 2, scored_in=networks,
        seed=arguments.seed, stop=laps, show_progress=False,
    )  # fmt: skip
    # The first warms up; what was known already takes no scoring.
    fresh = [place for place in range(1, len(scored)) if scored[place] > scored[place - 1]]
    step = [laps.seconds[place] for place in fresh]
    row = {
        "recipe": name,
        "batch_size": batch_size,
        "candidates": len(step),
        "step_ms": median([1000 * s for s in step]),
        "candidates_per_second": round(len(step) / sum(step), 2),
    }
    for layout in floors[0]:
        shares = [floors[place][layout] / laps.seconds[place] for place in fresh]
        row[f"{layout}_forward_ms"] = median([1000 * floors[place][layout] for place in fresh])
        row[f"of_{layout}_floor"] = median(shares)
        row[f"of_{layout}_floor_range"] = spread(shares)
    return row


def forwards(network: nn.Module, x: torch.Tensor, repeats: int) -> dict[str, float]:
    """CPU seconds of one forward in either layout, median after one that is not timed."""
    network.train()
    found: dict[str, float] = {}
    with torch.no_grad():
        for name, layout in LAYOUTS.items():
            # Module.to's stub lacks the argument.
            placed: Any = network
            placed.to(memory_format=layout)
            forward = partial(network, x.to(memory_format=layout))
            forward()
            found |= interleaved({name: forward}, repeats)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    which = parser.add_mutually_exclusive_group(required=True)
    for measure in (steps, throughput):
        which.add_argument(
            f"--{measure.__name__}", dest="measure", action="store_const", const=measure
        )
    parser.add_argument("--sizes", nargs="+", type=int, default=[100, 1000, 10_000, 100_000])
    parser.add_argument("--candidates", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result = arguments.measure(arguments)
    if not arguments.json:
        show(result.pop("rows"))
    print(json.dumps({**result, "seed": arguments.seed, **provenance()}))


if __name__ == "__main__":
    main()
