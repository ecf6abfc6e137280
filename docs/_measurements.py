"""What was measured of each proxy, from the committed results."""

from __future__ import annotations

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
BASELINE = "params"
TABLES = {
    "nasbench101": "NAS-Bench-101",
    "nasbench201-cifar10 choosing": "NAS-Bench-201, one half",
    "nasbench201-cifar10 reporting": "NAS-Bench-201, other half",
    "nasbench201-imagenet16-120": "NAS-Bench-201",
    "nasbench201-imagenet16-120 reporting": "NAS-Bench-201, other half",
    "nasbench301": "NAS-Bench-301, surrogate",
    "ofa-mobilenetv3": "once-for-all MobileNetV3",
    "suitezero-nasbench201": "NAS-Bench-201, Suite-Zero",
    "suitezero-transnasbench101-micro": "TransNAS-Bench-101 micro, Suite-Zero",
    "transnasbench101-macro": "TransNAS-Bench-101 macro",
    "transnasbench101-micro": "TransNAS-Bench-101 micro",
    "vitbench101": "ViT-Bench-101, AutoFormer",
}
"""Populations of ``every_proxy.csv`` as they are told to readers."""

Row = dict[str, Any]


def measured(name: str) -> list[Row]:
    """Rows of ``every_proxy.csv`` of this proxy, with the baseline's tau on the same networks."""
    return [
        {**row, "baseline": _correlations().get((row["population"], row["task"], BASELINE))}
        for (_, _, scorer), row in _correlations().items()
        if scorer == name
    ]


@cache
def costs() -> dict[str, dict[str, str]]:
    """Columns of ``speed_sets.txt`` for each proxy that was timed alone."""
    lines = (RESULTS / "speed_sets.txt").read_text().splitlines()
    columns, found = lines[0].split(), {}
    for line in lines[1:]:
        name, alone, rest = line.partition(" alone ")
        if alone:
            # The range is one column with a blank inside.
            found[name] = dict(zip(columns[1:], rest.replace(", ", ",").split(), strict=False))
    return found


@cache
def _speed_setting() -> dict[str, Any]:
    setting: dict[str, Any] = json.loads((RESULTS / "speed_sets.txt").read_text().splitlines()[-1])
    return setting


@cache
def _correlations() -> dict[tuple[str, str, str], Row]:
    with (RESULTS / "every_proxy.csv").open() as file:
        return {(r["population"], r["task"], r["scorer"]): r for r in csv.DictReader(file)}


def cost_setting() -> str:
    """How the costs were measured, in a sentence."""
    setting = _speed_setting()
    return (
        f"Alone, against a forward and backward pass of the same network, batches of "
        f"{setting['batch_size']}, {setting['networks']} networks, {setting['threads']} CPU thread"
        f", `{setting['command']}`."
    )


def table_name(row: Row) -> str:
    """The table that a row of ``every_proxy.csv`` was measured on."""
    population: str = row["population"]
    return TABLES.get(population, population)
