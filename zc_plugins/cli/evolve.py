"""``zc-plugins evolve``: a proxy for a space of one's own, from networks trained there."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from zc_plugins._printable import printable
from zc_plugins._shapes import Float, ndarray
from zc_plugins.cli._options import (
    Device,
    InputShape,
    Seed,
    checked_device,
    sizes,
)
from zc_plugins.cli._screen import output_of_others_aside, say, show, understandable
from zc_plugins.cli._searched import SPACES, named_space
from zc_plugins.cli._stoppable import stoppable
from zc_plugins.costs.params import params
from zc_plugins.discovery.evolution import Evolution
from zc_plugins.discovery.evolve import Settings
from zc_plugins.discovery.evolve import evolve as evolved
from zc_plugins.discovery.gather import gather
from zc_plugins.discovery.ground import FEWEST, Ground, split
from zc_plugins.discovery.statistics import wide_columns
from zc_plugins.errors import InvalidArgument
from zc_plugins.probes import Excitation
from zc_plugins.spaces import SearchSpace

_TRAINING = 2 / 3
_FEWEST = 4 * Settings().splits


def evolve(
    input_shape: InputShape,
    space: Annotated[str, typer.Option(help=f"{', '.join(SPACES)}, or module.py:space.")],
    table: Annotated[
        Path, typer.Option(help="CSV: architecture as the space writes it, accuracy.")
    ],
    out: Annotated[Path, typer.Option(help="Folder; the same command goes on from what it holds.")],
    batch_size: Annotated[int, typer.Option(min=2, help="Samples of the statistics.")] = 8,
    training: Annotated[
        int | None,
        typer.Option(
            min=_FEWEST, help="Networks to evolve on; others rank.  [default: two thirds]"
        ),
    ] = None,
    population: Annotated[int, typer.Option(min=2, help="Programs a generation.")] = 200,
    generations: Annotated[int, typer.Option(min=0, help="After the first.")] = 40,
    seed: Seed = 0,
    device: Device = "auto",
    workers: Annotated[int, typer.Option(min=1, help="Processes that judge programs.")] = 1,
) -> None:
    """Evolve a proxy whose order is that of the accuracies in a table.

    Writes bank/ (statistics of the networks), evolution.json (the state) and best.json into the
    folder. Ctrl-C ends the evolution with what it has (status 130), and keeps statistics of whole
    pieces of 20 networks.
    """
    with understandable():
        shape, chosen_device = sizes(input_shape), checked_device(device)
        settings = Settings(population=population)
        if out.exists() and not out.is_dir():
            raise InvalidArgument(f"--out {str(out)!r} is a file: pass a folder, which is made")
        with output_of_others_aside():
            ground = _ground(
                named_space(space, None, None, shape), table, out / "bank", training=training,
                excitation=Excitation(shape, batch_size=batch_size), seed=seed,
                device=chosen_device,
            )  # fmt: skip
        with stoppable("generation") as stop:
            evolution = evolved(
                [ground],
                settings,
                generations=generations,
                seed=seed,
                workers=workers,
                checkpoint=out / "evolution.json",
                stop=stop.is_set,
            )
        (out / "best.json").write_text(evolution.best.json + "\n")
        _tell(evolution, len(ground.training), len(ground.held_out))
        say(f"the proxy is in {out / 'best.json'}")
    if stop.is_set():
        raise typer.Exit(130)


def _ground(
    space: SearchSpace[Any],
    table: Path,
    folder: Path,
    *,
    training: int | None,
    excitation: Excitation,
    seed: int,
    device: str,
) -> Ground:
    """The table's networks with their statistics, which the folder keeps."""
    pool, accuracy = _table(table, space)
    count = training or round(_TRAINING * len(pool))
    if count < _FEWEST or len(pool) - count < FEWEST:
        raise InvalidArgument(
            f"--table {str(table)!r} holds {len(pool)} different networks, {count} of them to "
            f"evolve on: pass {_FEWEST} or more to evolve on, and {FEWEST} or more others"
        )
    bank = gather(
        pool, excitation, folder, space=space, columns=wide_columns(), seed=seed, device=device
    )
    sized = np.array([params(space.build(architecture)) for architecture in pool], np.float64)
    return split(bank, accuracy, sized, training=count, seed=seed)


def _table(path: Path, space: SearchSpace[Any]) -> tuple[list[Any], Float[ndarray, " networks"]]:
    """Architectures and accuracies; those that compute the same share their mean accuracy.

    Raises:
        InvalidArgument: if the file cannot be read, or a line holds something else.
    """
    by_key: dict[str, tuple[Any, list[float]]] = {}
    for line, text, number in _rows(path):
        try:
            architecture = space.canonical(space.decode(text))
            accuracy = float(number)
        except Exception as error:
            raise InvalidArgument(
                f"--table {str(path)!r}, line {line}: {text!r}, {number!r} is no architecture of "
                f"{space.name} and accuracy ({error}): pass what its encode gives, and a number"
            ) from error
        by_key.setdefault(space.encode(architecture), (architecture, []))[1].append(accuracy)
    pool = [architecture for architecture, _ in by_key.values()]
    return pool, np.array([np.mean(values) for _, values in by_key.values()], np.float64)


def _rows(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, architecture and accuracy; a first line of the names of columns is passed over."""
    try:
        # Spreadsheets begin a file with a mark of its encoding.
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            for row in reader:
                names = [name.strip().lower() for name in row]
                if not row or (reader.line_num == 1 and names == ["architecture", "accuracy"]):
                    continue
                if len(row) != 2:
                    raise InvalidArgument(
                        f"--table {str(path)!r}, line {reader.line_num} has {len(row)} columns: "
                        "pass architecture and accuracy"
                    )
                yield reader.line_num, row[0], row[1]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidArgument(f"--table {str(path)!r} cannot be read ({error})") from error


def _tell(evolution: Evolution, training: int, held_out: int) -> None:
    """Print the hall of fame, and the best proxy alone on the last line."""
    rows = [
        (
            f"{found.reduce} over layers of {found.expression}",
            found.tau,
            float(np.mean(found.held_out)),
            float(np.mean(found.gain)),
        )
        for found in evolution.fame
    ]
    show(
        f"hall of fame: tau on {training} training networks (least of the splits), on {held_out} "
        "others, and how much of that the number of parameters does not give",
        ["proxy", "training", "held out", "gain"],
        rows,
    )
    best = evolution.best
    typer.echo(printable(f"{best.reduce} {best.expression}"))
