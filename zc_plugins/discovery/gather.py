"""A bank made piece by piece in a folder, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from zc_plugins._progress import progress
from zc_plugins.discovery.bank import Bank, checked_columns
from zc_plugins.discovery.expression import Expression
from zc_plugins.discovery.statistics import default_columns, statistics
from zc_plugins.errors import InvalidArgument
from zc_plugins.probes import Excitation
from zc_plugins.scorer import Scorer
from zc_plugins.spaces import SearchSpace

NETWORKS_A_PIECE = 20


def gather(
    pool: Sequence[Any],
    excitation: Excitation,
    folder: str | os.PathLike[str],
    *,
    space: SearchSpace[Any],
    columns: Sequence[Expression] | None = None,
    seed: int = 0,
    device: str | torch.device = "auto",
    workers: int | str = "auto",
    show_progress: bool | None = None,
) -> Bank:
    """The bank of a pool in a folder, opened from there; what the folder holds is not made again.

    Args:
        pool: architectures of ``space``.
        excitation: of all networks.
        folder: of this bank alone; made if there is none.
        space: builds the architectures.
        columns: expressions that give a number; ``default_columns`` if None.
        seed: of weights and inputs.
        device: where networks are put.
        workers: see ``Scorer.score``.
        show_progress: None shows a bar on a terminal outside CI.

    Raises:
        InvalidArgument: if the folder holds a bank of other networks, columns or settings.
    """
    folder = Path(folder)
    chosen = default_columns() if columns is None else checked_columns(columns)
    starts = range(0, len(pool), NETWORKS_A_PIECE)
    names = [column.proxy(str(column)) for column in chosen]
    settings = Scorer(names, excitation, seed=seed, device=device).settings
    if (folder / "index.json").exists():
        return _checked(Bank.open(folder), pool, chosen, settings, space, folder)
    pieces: list[Bank] = []
    for start in progress(starts, total=len(starts), description="statistics", show=show_progress):
        piece, part = folder / f"piece-{start:06d}", pool[start : start + NETWORKS_A_PIECE]
        if not (piece / "index.json").exists():
            statistics(
                part, excitation, space=space, columns=chosen, seed=seed, device=device,
                workers=workers, show_progress=False,
            ).save(piece)  # fmt: skip
        pieces.append(_checked(Bank.open(piece), part, chosen, settings, space, folder))
    bank = _joined(pieces, chosen, settings).save(folder)
    for start in starts:
        shutil.rmtree(folder / f"piece-{start:06d}")
    return bank


def _checked(
    bank: Bank,
    pool: Sequence[Any],
    columns: tuple[Expression, ...],
    settings: str,
    space: SearchSpace[Any],
    folder: Path,
) -> Bank:
    names = tuple(space.encode(space.canonical(item)) for item in pool)
    if (bank.columns, bank.networks) != (columns, names):
        raise InvalidArgument(
            f"folder={str(folder)!r} holds the statistics of other networks or columns: pass "
            "another folder"
        )
    if bank.settings != settings:
        raise InvalidArgument(
            f"folder={str(folder)!r} holds statistics of other settings: pass another folder"
        )
    return bank


def _joined(pieces: Sequence[Bank], columns: tuple[Expression, ...], settings: str) -> Bank:
    """One bank of all pieces' networks, in order."""
    layers = [np.diff(piece.starts) for piece in pieces]
    empty = np.empty((len(columns), 0), np.float32)
    return Bank(
        columns,
        np.concatenate([empty, *(piece.values for piece in pieces)], axis=1),
        np.cumsum([0, *np.concatenate([np.empty(0, np.int64), *layers])]),
        tuple(name for piece in pieces for name in piece.networks),
        tuple(note for piece in pieces for note in piece.notes),
        settings,
    )
