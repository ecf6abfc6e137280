"""``zc-plugins rank``: a pool of networks, best first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from zc_plugins._seeding import seeded
from zc_plugins.cache import ScoreCache
from zc_plugins.cli._files import Record, checked_place, finite, write
from zc_plugins.cli._loop import scored
from zc_plugins.cli._options import (
    Device,
    InputShape,
    Seed,
    Workers,
    checked_device,
    checked_workers,
    sizes,
)
from zc_plugins.cli._pool import candidates, space_of
from zc_plugins.cli._recipes import RECIPES, scorer_of
from zc_plugins.cli._screen import output_of_others_aside, say, show, understandable
from zc_plugins.ensembles import SHELF as ENSEMBLES
from zc_plugins.errors import InvalidArgument
from zc_plugins.probes import Excitation
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable

OutputFile = Path | None


def rank(
    target: Annotated[
        str, typer.Argument(help="pool.py:candidates: a list or dict of networks or builders.")
    ],
    input_shape: InputShape,
    space: Annotated[
        str | None, typer.Option(help="module.py:space, if the candidates are architectures.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(RECIPES)}.  [default: az_nas]")
    ] = None,
    proxy: Annotated[
        list[str] | None, typer.Option(help="In place of a recipe; may be repeated.")
    ] = None,
    ensemble: Annotated[
        str | None, typer.Option(help="Turns several proxies into one number.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=2, help="Samples in a batch; by default the recipe's.")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    workers: Workers = "auto",
    csv_file: Annotated[OutputFile, typer.Option("--csv", help="Write the ranking here.")] = None,
    json_file: Annotated[OutputFile, typer.Option("--json", help="Write it here too.")] = None,
    html_file: Annotated[OutputFile, typer.Option("--html", help="Write it as a page.")] = None,
    resume: Annotated[
        OutputFile, typer.Option(help="Keep scores in this file; score only what it lacks.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Rows that are printed.")] = 50,
) -> None:
    """Rank candidates without training.

    Ctrl-C keeps what was scored (status 130). Builders are told apart by name and code, networks
    that are built already only by name and layers: without a name they are scored anew.
    """
    with understandable():
        for path in (csv_file, json_file, html_file):
            checked_place(path)
        processes = checked_workers(workers)
        scorer = _scorer(
            recipe, proxy or [], ensemble, sizes(input_shape), batch_size, seed, device
        )
        scorer.cache = None if resume is None else ScoreCache(resume)
        with output_of_others_aside():
            # Networks that the file builds are the same in the next run.
            with seeded(seed, scorer.device):
                pool = candidates(target, None if space is None else space_of(space))
            if not pool:
                raise InvalidArgument(f"{target!r} is an empty pool: pass one candidate or more")
            table, stopped = scored(pool, scorer, processes)
        if table is not None:
            records = _records(table, scorer)
            settings = {
                "target": target,
                "recipe": recipe or ("" if proxy else "az_nas"),
                "proxies": [p.name for p in scorer.proxies],
                "ensemble": getattr(scorer.ensemble, "__name__", str(scorer.ensemble)),
                "input_shape": list(scorer.excitation.input_shape),
                "batch_size": scorer.excitation.batch_size,
                "seed": seed,
                "device": str(scorer.device),
                "torch": torch.__version__,
                "candidates": len(pool),
                "scored": len(table),
            }
            write(records, settings, csv_file=csv_file, json_file=json_file, html_file=html_file)
            head = list(records[0])
            show(f"ranking of {target}", head, [list(r.values()) for r in records[:top]])
            if len(records) > top:
                say(f"{len(records) - top} more rows: --top, --csv, --json and --html show them")
        done = 0 if table is None else len(table)
        found = done - scorer.scored
        anew = sum(candidate.space is None for candidate in pool)
        say(f"{done} of {len(pool)} candidates: {scorer.scored} scored, {found} found again")
        if resume is not None and anew:
            say(
                f"not kept in {resume}: {anew} of them, networks without a name or builders that "
                "hold an object which nothing tells from others; pass a dict of functions"
            )
        if stopped:
            raise typer.Exit(130)
        if table is not None:
            table.require_ranked(scorer.aggregate(table))


def _scorer(
    recipe: str | None,
    proxies: list[str],
    ensemble: str | None,
    shape: tuple[int, ...],
    batch_size: int | None,
    seed: int,
    device: str,
) -> Scorer:
    if recipe is not None and proxies:
        raise InvalidArgument(f"--recipe {recipe} and --proxy {proxies[0]}: pass one of them")
    given: dict[str, Any] = {} if batch_size is None else {"batch_size": batch_size}
    device = checked_device(device)
    if proxies:
        own = ensemble or "az_rank"
        return Scorer(proxies, Excitation(shape, **given), ensemble=own, seed=seed, device=device)
    scorer = scorer_of(recipe or "az_nas", shape, seed=seed, device=device, **given)
    if ensemble is not None:
        scorer.ensemble = ENSEMBLES[ensemble]
    return scorer


def _records(table: ScoreTable, scorer: Scorer) -> list[Record]:
    """One record a candidate, best first; equals share a rank, who has no score has none."""
    numbers = scorer.aggregate(table)
    order = np.argsort(-numbers, kind="stable").tolist()
    flat = table.records()
    records: list[Record] = []
    for place in order:
        better = int((numbers > numbers[place]).sum())
        records.append(
            {
                "rank": better + 1 if np.isfinite(numbers[place]) else None,
                "candidate": table.candidates[place],
                "aggregate": finite(float(numbers[place])),
                **{name: finite(float(table.column(name)[place])) for name in table.proxies},
                "seconds": flat[place]["seconds"],
                "note": flat[place]["note"],
            }
        )
    return records
