"""Architectures whose trained accuracy is known: what scores are compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zc_plugins._shapes import ndarray
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.darts import Darts
from zc_plugins.spaces.nasbench101 import NasBench101
from zc_plugins.spaces.nasbench201 import NasBench201
from zc_plugins.spaces.ofa_mobilenetv3 import OfaMobileNetV3
from zc_plugins.spaces.transnasbench101_macro import TransNasBench101Macro
from zc_plugins.spaces.transnasbench101_micro import TransNasBench101Micro
from zc_plugins.spaces.transnasbench101_micro_small import TransNasBench101MicroSmall
from zc_plugins.spaces.vit import VitSpace
from zc_plugins.tables.nasbench101 import ROWS, nasbench101
from zc_plugins.tables.nasbench201 import nasbench201
from zc_plugins.tables.nasbench301 import nasbench301
from zc_plugins.tables.ofa_mobilenetv3 import ofa_mobilenetv3
from zc_plugins.tables.suitezero_extra import suitezero_extra
from zc_plugins.tables.transnasbench101 import TASKS, transnasbench101
from zc_plugins.tables.vitbench101 import vitbench101


@dataclass(frozen=True)
class Population:
    """One benchmark space, and how its networks are excited.

    Attributes:
        space: builds the networks.
        input_shape: of one sample.
        batch_size: samples, chosen so that the whole shelf takes seconds a network on a CPU core.
        draw: folder of the tables, number of architectures, generator and half in; architectures
            and their accuracies by task out.
        initialisation: of the excitation.
    """

    space: SearchSpace[Any]
    input_shape: tuple[int, ...]
    batch_size: int
    draw: Callable[[str, int, np.random.Generator, str], tuple[list[str], dict[str, ndarray]]]
    initialisation: str = "kaiming_normal"


def halves(architectures: int) -> dict[str, ndarray]:
    """Places of a table in two random halves, the same in every process.

    Split by string. Split by the function that cells compute, the halves would differ much: the
    largest functions have hundreds of strings.
    """
    order = np.random.default_rng(2024).permutation(architectures)
    middle = architectures // 2
    return {"choosing": order[:middle], "reporting": order[middle:]}


def _nasbench201(dataset: str, classes: int) -> Any:
    space = NasBench201(classes=classes)

    def draw(
        folder: str, size: int, rng: np.random.Generator, half: str
    ) -> tuple[list[str], dict[str, ndarray]]:
        table = nasbench201(folder, dataset)
        # Images of one size: the networks differ in their last layer only.
        alike = ("cifar10", "cifar100") if dataset == "cifar10" else (dataset,)
        places = np.arange(len(table.test))
        if half:
            places = halves(len(places))[half]
        chosen = rng.choice(places, min(size, len(places)), replace=False)
        accuracies = {name: nasbench201(folder, name).test[chosen] for name in alike}
        return [table.architectures[c] for c in chosen], accuracies

    return space, draw


def _nasbench101(
    folder: str, size: int, rng: np.random.Generator, half: str
) -> tuple[list[str], dict[str, ndarray]]:
    table = nasbench101(folder, rows=[int(row) for row in rng.choice(ROWS, size, replace=False)])
    return list(table.architectures), {"cifar10": table.test}


def _nasbench301(
    folder: str, size: int, rng: np.random.Generator, half: str
) -> tuple[list[str], dict[str, ndarray]]:
    table = nasbench301(folder)
    chosen = rng.choice(len(table.validation), min(size, len(table.validation)), replace=False)
    return [table.architectures[c] for c in chosen], {"cifar10": table.validation[chosen]}


def _ofa_mobilenetv3(
    folder: str, size: int, rng: np.random.Generator, half: str
) -> tuple[list[str], dict[str, ndarray]]:
    table = ofa_mobilenetv3(folder)
    chosen = rng.choice(len(table.top1), min(size, len(table.top1)), replace=False)
    return [table.architectures[c] for c in chosen], {"imagenet_super": table.top1[chosen]}


def _transnasbench101(space: str) -> Any:
    def draw(
        folder: str, size: int, rng: np.random.Generator, half: str
    ) -> tuple[list[str], dict[str, ndarray]]:
        tables = {task: transnasbench101(folder, space, task) for task in TASKS}
        architectures = next(iter(tables.values())).architectures
        chosen = rng.choice(len(architectures), size, replace=False)
        return [architectures[c] for c in chosen], {t: v.test[chosen] for t, v in tables.items()}

    return draw


def _vitbench101(
    folder: str, size: int, rng: np.random.Generator, half: str
) -> tuple[list[str], dict[str, ndarray]]:
    table = vitbench101(folder)
    chosen = rng.permutation(len(table.architectures))[:size]
    accuracies = {task: values[chosen] for task, values in table.accuracies.items()}
    return [table.architectures[c] for c in chosen], accuracies


def _suitezero_extra(space: str) -> Any:
    """SVHN's network and images for all three data sets.

    A stand-in for NinaPro's, of 18 classes and signals of 1 x 16 x 52, and for those of spherical
    CIFAR-100, of 100 classes and 3 x 60 x 60 pixels.
    """

    def draw(
        folder: str, size: int, rng: np.random.Generator, half: str
    ) -> tuple[list[str], dict[str, ndarray]]:
        table = suitezero_extra(folder, space)
        return list(table.architectures), dict(table.validation)

    return draw


def _all() -> Mapping[str, Population]:
    found = {}
    for dataset, side, classes in (
        ("cifar10", 32, 10), ("cifar100", 32, 100), ("imagenet16-120", 16, 120)
    ):  # fmt: skip
        space, draw = _nasbench201(dataset, classes)
        found[f"nasbench201-{dataset}"] = Population(space, (3, side, side), 64, draw)
    found["nasbench101"] = Population(NasBench101(), (3, 32, 32), 8, _nasbench101)
    found["nasbench301"] = Population(Darts(), (3, 32, 32), 8, _nasbench301)
    found["ofa-mobilenetv3"] = Population(OfaMobileNetV3(), (3, 224, 224), 4, _ofa_mobilenetv3)
    micro, macro = _transnasbench101("micro"), _transnasbench101("macro")
    found["transnasbench101-micro"] = Population(TransNasBench101Micro(), (3, 128, 128), 8, micro)
    found["transnasbench101-macro"] = Population(TransNasBench101Macro(), (3, 128, 128), 8, macro)
    found["vitbench101"] = Population(
        VitSpace("tiny"), (3, 224, 224), 8, _vitbench101, initialisation="keep"
    )
    for name, space_of_name, batch_size in (
        ("nasbench201", NasBench201(), 64),
        ("transnasbench101-micro", TransNasBench101MicroSmall(), 16),
        ("nasbench301", Darts(), 8),
    ):
        found[f"suitezero-{name}"] = Population(
            space_of_name, (3, 32, 32), batch_size, _suitezero_extra(name)
        )
    return found


POPULATIONS = _all()
