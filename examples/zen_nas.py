"""You will see two networks found within a budget without training, and training judge them.

Zen-NAS and AZ-NAS each choose one of 300 networks. The two and two random networks of the same
budget are then trained alike on scikit-learn's digits; their curves go to
``demo_output/zen_nas.png``. It takes about two minutes on the CPU.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from images import accuracy, in_colour, load, train
from matplotlib.figure import Figure

from zc_plugins import Budget, recipes
from zc_plugins.search import search
from zc_plugins.spaces.stages import Backbone, Stages

START = (
    "SuperConvK3BNRELU(3,8,1,1)SuperResIDWE2K3(8,16,1,8,1)SuperResIDWE2K3(16,24,2,16,1)"
    "SuperConvK1BNRELU(24,64,1,1)"
)


def random_networks(space: Stages, budget: Budget) -> Iterator[Backbone]:
    """Random walks within the budget, until they have used four fifths of it."""
    rng, network = np.random.default_rng(0), space.initial
    while True:
        step = space.mutate(network, rng)
        flops = space.flops(step, budget.input_shape)
        if budget.keeps("flops", flops) and budget.keeps("params", space.params(step)):
            network = step
            if not budget.keeps("flops", flops / 0.8):
                yield network
                network = space.initial


def main(candidates: int = 300, epochs: int = 10, output: Path = Path("demo_output")) -> None:
    torch.set_num_threads(1)
    images = in_colour(load(None))
    space = Stages(START, classes=images.classes, max_layers=8)
    budget = Budget(images.shape, params=60_000, flops=1e6)

    # The Zen-Score is defined on networks without residual links; the ones that are trained have
    # them.
    zen = recipes.zen_nas(images.shape)
    zen_nas = search(space, zen, budget, candidates=candidates, scored_in=space.plain)
    az_nas = search(space, recipes.az_nas(images.shape), budget, candidates=candidates)
    print(f"{candidates} scored by Zen-NAS in {zen_nas.seconds:.0f} s: {zen_nas.winner.text}")
    print(f"{candidates} scored by AZ-NAS in {az_nas.seconds:.0f} s: {az_nas.winner.text}")
    drawn = random_networks(space, budget)
    networks = {"Zen-NAS": zen_nas.architecture, "AZ-NAS": az_nas.architecture}
    networks |= {"random": next(drawn), "another random": next(drawn)}

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name, architecture in networks.items():
        torch.manual_seed(0)
        model, curve = space.build(architecture), list[float]()
        after_epoch = lambda: curve.append(100 * accuracy(model, images.test))  # noqa: E731, B023
        train(model, images, 3e-3, epochs=epochs, seed=0, after_epoch=after_epoch)
        axes.plot(range(1, epochs + 1), curve, label=name)
        flops = space.flops(architecture, images.shape)
        print(f"{name:14} {flops:9,} multiply-adds, test accuracy {curve[-1]:.1f} %")
    axes.set(xlabel="epoch", ylabel="test accuracy, %", title="Trained alike, within one budget")
    axes.legend()
    output.mkdir(exist_ok=True)
    figure.savefig(output / "zen_nas.png", dpi=150)


if __name__ == "__main__":
    main()
