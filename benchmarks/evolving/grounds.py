"""Networks of known accuracy, their statistics, and the scores that are kept of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import nodewise
from benchmarks.populations import POPULATIONS
from benchmarks.scores import RESULTS, read_from
from zc_plugins import Excitation
from zc_plugins._shapes import Float, ndarray
from zc_plugins.discovery.bank import Bank
from zc_plugins.discovery.gather import gather
from zc_plugins.discovery.statistics import wide_columns
from zc_plugins.scores import ScoreTable
from zc_plugins.tables.nasbench201 import nasbench201


@dataclass(frozen=True)
class Ground:
    """One benchmark space.

    Attributes:
        population: key of ``POPULATIONS``.
        task: whose accuracy counts.
        networks: how many are drawn, as kept scores have it.
        input_shape: of one sample of the statistics; smaller than the trained networks' where that
            saves most of the time.
        batch_size: samples.
    """

    population: str
    task: str
    networks: int
    input_shape: tuple[int, ...]
    batch_size: int

    def drawn(self, data: str) -> tuple[list[str], Float[ndarray, " networks"]]:
        """Architectures and their test accuracy, those of the kept scores."""
        if self.population == "nasbench201-cifar10":
            table = nasbench201(data, "cifar10")
            accuracy = dict(zip(table.architectures, table.test, strict=True))
            cells = nodewise.SPACES["nasbench201"].drawn(None, 1500, 0)[: self.networks]
            return cells, np.array([accuracy[cell] for cell in cells])
        kept = RESULTS / "shelf" / f"{self.population}.json"
        size = json.loads(kept.read_text())["architectures"]
        rng = np.random.default_rng(0)
        cells, accuracies = POPULATIONS[self.population].draw(data, size, rng, "")
        return cells[: self.networks], accuracies[self.task][: self.networks]

    def kept(self) -> ScoreTable:
        """Hand-made proxies' scores of the same networks, in their order."""
        if self.population == "nasbench201-cifar10":
            return nodewise.read().rows(range(self.networks))
        kept = read_from(RESULTS / "shelf" / f"{self.population}.csv.gz")
        return kept.rows(range(self.networks))

    def bank(self, folder: Path, data: str) -> Bank:
        """The networks' statistics; taken now where the folder does not hold them."""
        space = POPULATIONS[self.population].space
        return gather(
            [space.decode(text) for text in self.drawn(data)[0]],
            Excitation(self.input_shape, batch_size=self.batch_size),
            folder / self.population,
            space=space,
            columns=wide_columns(),
            workers=1,
            device="cpu",
        )


GROUNDS = {
    "nasbench201": Ground("nasbench201-cifar10", "cifar10", 260, (3, 16, 16), 8),
    "transnasbench101-micro": Ground(
        "transnasbench101-micro", "class_object", 120, (3, 64, 64), 4
    ),
    "nasbench101": Ground("nasbench101", "cifar10", 150, (3, 16, 16), 4),
}  # fmt: skip


def main() -> None:
    """Take the statistics of all grounds, one after another."""
    import argparse

    import torch

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", default="../shared/data", help="folder of the tables")
    parser.add_argument("--banks", type=Path, required=True, help="folder that keeps statistics")
    parser.add_argument("--ground", nargs="+", choices=[*GROUNDS], default=[*GROUNDS])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.ground:
        bank = GROUNDS[name].bank(arguments.banks, arguments.data)
        print(name, bank.values.shape, len(bank.networks), flush=True)


if __name__ == "__main__":
    main()
