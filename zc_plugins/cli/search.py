"""``zc-plugins search``: the best architecture of a space within a budget."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from zc_plugins._printable import printable
from zc_plugins.cli._files import checked_place
from zc_plugins.cli._options import (
    Device,
    InputShape,
    Seed,
    Workers,
    checked_device,
    checked_workers,
    sizes,
)
from zc_plugins.cli._recipes import RECIPES, scorer_of
from zc_plugins.cli._screen import output_of_others_aside, say, show, understandable
from zc_plugins.cli._searched import SPACES, evolution, named_space, source
from zc_plugins.cli._stoppable import stoppable
from zc_plugins.costs.budget import Budget
from zc_plugins.costs.flops import flops as flops_of
from zc_plugins.costs.params import params as params_of
from zc_plugins.errors import InvalidArgument, NothingScored
from zc_plugins.report._measured import UNITS
from zc_plugins.report.save import require_ready, save
from zc_plugins.search import SearchResult
from zc_plugins.search import search as evolved
from zc_plugins.spaces.stages import Stages

Limit = float | None
_AUTO_BATCH = 16
"""As many must be scored together before several processes are worth a thought."""


def search(
    input_shape: InputShape,
    space: Annotated[
        str, typer.Option(help=f"{', '.join(SPACES)}, or module.py:space.")
    ] = "stages",
    scorer: Annotated[str, typer.Option(help=f"One of {', '.join(RECIPES)}.")] = "zen_nas",
    classes: Annotated[
        int | None, typer.Option(min=1, help="Outputs of the network.  [default: 10]")
    ] = None,
    params: Annotated[Limit, typer.Option(help="At most so many parameters.")] = None,
    flops: Annotated[Limit, typer.Option(help="Multiply-adds a sample.")] = None,
    depth: Annotated[Limit, typer.Option(help="Weighted layers in a row.")] = None,
    activation_memory: Annotated[Limit, typer.Option(help="Bytes a sample, in training.")] = None,
    latency_ms: Annotated[
        Limit, typer.Option(help="Milliseconds a batch in inference, measured on the device.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Of the measured latency.")] = 1,
    candidates: Annotated[int, typer.Option(min=1, help="Architectures to score.")] = 1000,
    seconds: Annotated[Limit, typer.Option(help="End after so long.")] = None,
    evolution_name: Annotated[
        str | None,
        typer.Option(
            "--evolution",
            help="zen, az, random, or front:COST, e.g. front:latency.  [default: az for several "
            "proxies under az_rank, else zen]",
        ),
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Architecture to begin with, as the space writes it.")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    workers: Workers = "1",
    batch: Annotated[
        int | None,
        typer.Option(min=1, help="Proposals scored together.  [default: workers, 16 for auto]"),
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="Keep scores here; the same command goes on from it.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the result and its card.")] = None,
    onnx: Annotated[bool, typer.Option("--onnx", help="Write the network as ONNX too.")] = False,
) -> None:
    """Search a space under a budget, without training and without data.

    With zen_nas, networks of stages are scored without their residual links, as in the paper; what
    they cost, and the network that is handed over, has them. Ctrl-C ends the search with what it
    has (status 130).
    """
    with understandable():
        shape, processes = sizes(input_shape), checked_workers(workers)
        _check_places(journal, out, onnx=onnx)
        chosen = scorer_of(scorer, shape, seed=seed, device=checked_device(device))
        budget = Budget(
            shape,
            params=params,
            flops=flops,
            depth=depth,
            activation_memory=activation_memory,
            latency=None if latency_ms is None else latency_ms / 1000,
            batch_size=batch_size,
        )
        with stoppable() as stop, output_of_others_aside():
            found = named_space(space, classes, start, shape)
            by = evolution(evolution_name, found, start, budget.limited)
            plain = found.plain if scorer == "zen_nas" and isinstance(found, Stages) else None
            try:
                result = evolved(
                    found,
                    chosen,
                    budget if budget.limited else None,
                    by=by,
                    candidates=candidates,
                    seconds=seconds,
                    scored_in=plain,
                    batch=batch or (processes if isinstance(processes, int) else _AUTO_BATCH),
                    workers=processes,
                    seed=seed,
                    journal=journal,
                    stop=stop.is_set,
                )
            except NothingScored:
                if not stop.is_set():
                    raise
                say("stopped before anything was scored")
                raise typer.Exit(130) from None
            costs = _counted(result, shape)
        _tell(result, costs)
        with output_of_others_aside():
            whole = out is None or _saved(
                result, out, space, input_shape=shape, onnx=onnx, batch_size=batch_size,
                device=chosen.device, seed=seed,
            )  # fmt: skip
    if stop.is_set() or not whole:
        raise typer.Exit(130 if stop.is_set() else 1)


def _check_places(journal: Path | None, out: Path | None, *, onnx: bool) -> None:
    """Refuse what cannot be written before the work begins."""
    checked_place(journal)
    if out is not None:
        require_ready(out, onnx=onnx)
    elif onnx:
        raise InvalidArgument("--onnx without a place: pass --out FOLDER too")


def _saved(result: SearchResult, out: Path, target: str, *, onnx: bool, **settings: Any) -> bool:
    """Write the folder; whether all of it could be written."""
    given = {
        **settings,
        "command": _command(),
        "space_source": source(target, out) if ":" in target else "",
    }
    try:
        save(result, out, onnx=onnx, **given)
    except InvalidArgument as error:
        if not onnx:
            raise
        # A search is not thrown away for its last file.
        save(result, out, **given)
        say(f"error: {error}")
        say(f"the result is in {out}, without network.onnx")
        return False
    say(f"the result is in {out}")
    return True


def _command() -> str:
    """What the user typed; empty where another program runs the command."""
    typed = sys.argv[1:]
    return f"zc-plugins {shlex.join(typed)}" if typed[:1] == ["search"] else ""


def _counted(result: SearchResult, shape: tuple[int, ...]) -> dict[str, float]:
    """Parameters and multiply-adds of the winner, and what the budget limits."""
    network = result.build()
    costs: dict[str, float] = {"params": params_of(network)}
    with contextlib.suppress(Exception):
        # What cannot be counted is not shown.
        costs["flops"] = flops_of(network, shape)
    return costs | dict(result.winner.costs)


def _tell(result: SearchResult, costs: Mapping[str, float]) -> None:
    """Print the winner, and the front where there is one."""
    if result.front is not None:
        head = [result.front, *result.proxies.names]
        points = [(member.costs[result.front], *member.scores) for member in result.best]
        show(f"front, {len(points)} architectures, cheapest first", head, points)
    scores = zip(result.proxies.names, result.winner.scores, strict=True)
    rows: list[tuple[object, ...]] = [
        *((name, value, "") for name, value in scores),
        *((name, value, UNITS[name]) for name, value in costs.items()),
        ("candidates", len(result.history), f"{result.acceptance_rate:.0%} of the proposals"),
        ("seconds", result.seconds, "of the search"),
    ]
    show("winner, not trained yet", ["", "value", "unit"], rows)
    typer.echo(printable(result.winner.text))
