"""``zc-plugins doctor``: one network, all that can be told of it before training."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any

import torch
import typer
from torch import nn

from zc_plugins._seeding import seeded
from zc_plugins.cli._options import Device, InputShape, Seed, checked_device, sizes
from zc_plugins.cli._screen import output_of_others_aside, say, show, understandable
from zc_plugins.cli._target import loaded, told
from zc_plugins.costs.activation_memory import activation_memory
from zc_plugins.costs.flops import flops
from zc_plugins.costs.latency import latency
from zc_plugins.costs.params import params
from zc_plugins.errors import InvalidArgument, ZeroCostError
from zc_plugins.probes import Excitation
from zc_plugins.proxies import SHELF
from zc_plugins.proxies._proxy import ScoreRow
from zc_plugins.scorer import Scorer
from zc_plugins.spaces.module import checked_module

CHECKS = ("initial_loss", "dead_units", "gradient_range")
"""Proxies that tell whether training can begin, shown apart from those that rank."""
UNITS = {
    "params": "parameters",
    "flops": "multiply-adds a sample",
    "activation_memory": "bytes a sample, for training",
    "latency": "seconds a sample, measured here",
}
_COLUMNS = 5


def doctor(
    target: Annotated[
        str, typer.Argument(help="module.py:build or package.module:build; or a network.")
    ],
    input_shape: InputShape,
    batch_size: Annotated[int, typer.Option(min=2, help="Samples in the batch of noise.")] = 16,
    seed: Seed = 0,
    device: Device = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of tables.")] = False,
) -> None:
    """Examine one network at initialisation: costs, trainability, every proxy, every layer.

    Status 1 if it cannot run, or is dead, disconnected or not finite.
    """
    with understandable():
        shape = sizes(input_shape)
        scorer = Scorer(
            list(SHELF),
            Excitation(shape, batch_size=batch_size),
            seed=seed,
            device=checked_device(device),
        )
        with output_of_others_aside():
            model = _network(target, scorer)
            # First: it puts the network on the device and makes its lazy layers.
            found = scorer.layer_scores(lambda: model)
            row = {name: found[name] for name in SHELF}
            costs = _costs(model, shape, target)
    reasons = sorted({scores.note for scores in row.values() if scores.degenerate})
    if as_json:
        report = {
            "target": target,
            "input_shape": list(shape),
            "batch_size": batch_size,
            "seed": seed,
            "device": str(scorer.device),
            "torch": torch.__version__,
            "costs": {name: {"value": costs[name], "unit": UNITS[name]} for name in costs},
            "degenerate": reasons,
            "checks": {name: _entry(name, row) for name in CHECKS if name in row},
            "proxies": {name: _entry(name, row) for name in row if name not in CHECKS},
        }
        typer.echo(json.dumps(report, indent=2, allow_nan=False))
    else:
        _show(target, costs, row, reasons)
    if reasons:
        say(f"error: {target} is degenerate: {'; '.join(reasons)}")
        raise typer.Exit(1)


def _network(target: str, scorer: Scorer) -> nn.Module:
    """The network that the target is or builds.

    Raises:
        InvalidArgument: if it is or builds none, or if building raises.
    """
    found = loaded(target)
    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise InvalidArgument(
            f"{target!r} is {type(found).__name__}: pass a torch.nn.Module or a function that "
            "returns one"
        )
    try:
        with seeded(scorer.seed, scorer.device):
            return checked_module(found())
    except ZeroCostError:
        raise
    except Exception as error:
        raise InvalidArgument(f"{target!r} cannot be built: {told(error)}") from error


def _costs(model: nn.Module, shape: tuple[int, ...], target: str) -> dict[str, float]:
    measured: dict[str, Callable[[], float]] = {
        "params": lambda: params(model),
        "flops": lambda: flops(model, shape),
        "activation_memory": lambda: activation_memory(model, shape),
        "latency": lambda: latency(model, shape),
    }
    try:
        return {name: cost() for name, cost in measured.items()}
    except ZeroCostError:
        raise
    except Exception as error:
        raise InvalidArgument(f"{target!r} cannot run: {told(error)}") from error


def _entry(name: str, row: ScoreRow) -> dict[str, Any]:
    scores = row[name]
    return {
        "value": _finite(scores.value),
        "higher_is_better": SHELF[name].higher_is_better,
        "note": scores.note,
        "degenerate": scores.degenerate,
        "layers": [
            {"name": layer, "value": _finite(value)}
            for layer, value in zip(scores.names, scores.layers.tolist(), strict=True)
        ],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _show(target: str, costs: Mapping[str, float], row: ScoreRow, reasons: Sequence[str]) -> None:
    show(target, ["cost", "value", "unit"], [(n, costs[n], UNITS[n]) for n in costs])
    verdict = ("alive", "no" if reasons else "yes", "", "; ".join(reasons))
    checks = [verdict, *_lines([name for name in row if name in CHECKS], row)]
    show("trainability checks", ["check", "value", "better", "note"], checks)
    rest = _lines([name for name in row if name not in CHECKS], row)
    show("proxies", ["proxy", "value", "better", "note"], rest)
    for names in _tables(row):
        layers = row[names[0]].names
        columns = [row[name].layers.tolist() for name in names]
        show("layers", ["layer", *names], list(zip(layers, *columns, strict=True)))


def _lines(names: Sequence[str], row: ScoreRow) -> list[tuple[object, ...]]:
    return [
        (
            name,
            row[name].value,
            "higher" if SHELF[name].higher_is_better else "lower",
            row[name].note,
        )
        for name in names
    ]


def _tables(row: ScoreRow) -> Iterator[list[str]]:
    """Proxies of the same two or more layers, a few at a time: what fits beside each other."""
    several = sorted(
        (name for name in row if len(row[name].names) > 1), key=lambda name: row[name].names
    )
    for _, group in groupby(several, key=lambda name: row[name].names):
        names = list(group)
        for start in range(0, len(names), _COLUMNS):
            yield names[start : start + _COLUMNS]
