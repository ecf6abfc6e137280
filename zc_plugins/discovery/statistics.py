"""The bank of a pool of networks: each network's statistics, taken once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from zc_plugins._progress import progress as with_progress
from zc_plugins._shapes import Float, ndarray
from zc_plugins.discovery.bank import Bank, checked_columns
from zc_plugins.discovery.expression import Expression
from zc_plugins.discovery.parse import parse
from zc_plugins.discovery.published import READINGS, published
from zc_plugins.discovery.terminals import TERMINALS
from zc_plugins.probes import Excitation
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces import SearchSpace

REDUCTIONS = (
    "mean({})", "l1({})", "fro({})", "deviation({})", "mean(gt0({}))", "mean(abslog({}))",
    "mean(sigmoid({}))",
)  # fmt: skip
"""Of each terminal: mean, mean absolute value, norm, deviation, share of positive entries, mean
size of the logarithm, mean sigmoid."""

SIZES = ("numel(T1D)", "numel(T4D)", "numel(T3)")


def default_columns() -> tuple[Expression, ...]:
    """Seven reductions of the 22 terminals, and the sizes of the feature maps and of the weight."""
    texts = [form.format(terminal) for terminal in TERMINALS for form in REDUCTIONS]
    return checked_columns([parse(text) for text in (*texts, *SIZES)])


def wide_columns() -> tuple[Expression, ...]:
    """The default ones and 26 more, for evolution: what one statistic alone does not tell.

    Products with the gradient, likeness of data and noise, concentration over channels, spread over
    samples, and EZNAS-A in both readings, whose determinants take square matrices only.
    """
    texts = (
        *(f"l1(mul({place}{batch}, {place}G{batch}))" for place in ("T1", "T2", "T4")
          for batch in "DN"),
        *(f"l1(mul(T3, T3G{batch}))" for batch in "DN"),
        *(f"cossim(T{place}GD, T{place}GN)" for place in "1234"),
        *(f"hamming(T{place}D, T{place}N)" for place in "124"),
        *(f"fro(sub(T{place}GD, T{place}GN))" for place in "234"),
        *(f"fro(softmax(T{place}D))" for place in "124"),
        *(f"log(sym_eig(T{place}D))" for place in "124"),
    )  # fmt: skip
    readings = [published("eznas_a", reading) for reading in READINGS]
    return checked_columns([*default_columns(), *map(parse, texts), *readings])


def statistics(
    pool: Iterable[Any],
    excitation: Excitation,
    *,
    space: SearchSpace[Any] | None = None,
    columns: Sequence[Expression] | None = None,
    seed: int = 0,
    device: str | torch.device = "auto",
    workers: int | str = "auto",
    show_progress: bool | None = None,
) -> Bank:
    """The bank of a pool, in memory; ``save`` it to have it mapped from disk.

    Each network is built once and run once for each batch that the columns read, three as a rule.
    It takes 4 bytes a column and layer: with the default columns, 25 kB for a network of 40 layers.

    Args:
        pool: architectures of ``space``; without a space, networks or functions that build one.
        excitation: of all networks.
        space: builds the architectures.
        columns: expressions that give a number; ``default_columns`` if None.
        seed: of weights and inputs.
        device: where networks that are built here are put.
        workers: see ``Scorer.score``.
        show_progress: None shows a bar on a terminal outside CI.

    Raises:
        InvalidArgument: if a column is no number.
    """
    chosen = default_columns() if columns is None else checked_columns(columns)
    proxies = [column.proxy(str(column)) for column in chosen]
    scorer = Scorer(proxies, excitation, seed=seed, device=device)
    items = list(pool)
    rows: dict[int, tuple[str, str, Float[ndarray, "columns layers"]]] = {}
    incoming = scorer.stream(items, space=space, workers=workers)
    for place, table in with_progress(
        incoming, total=len(items), description="statistics", show=show_progress
    ):
        values = _values(table, scorer)
        rows[place] = table.candidates[0], table.reason(0), values
    in_order = [rows[place] for place in range(len(items))]
    starts = np.cumsum([0, *(values.shape[1] for _, _, values in in_order)])
    empty = np.empty((len(chosen), 0), np.float32)
    return Bank(
        chosen,
        np.concatenate([empty, *(values for _, _, values in in_order)], axis=1),
        starts,
        tuple(key for key, _, _ in in_order),
        tuple(note for _, note, _ in in_order),
        scorer.settings,
    )


def _values(table: ScoreTable, scorer: Scorer) -> Float[ndarray, "columns layers"]:
    """A row's numbers by layer, in float32; NaN throughout for a column that a layer refuses.

    A network that is dead beyond its layers has no layers here, so that no expression scores it.
    """
    vectors = [table.layers[proxy.name][0] for proxy in scorer.proxies]
    layers = 0 if table.degenerate[0] else max(map(len, vectors))
    values = np.full((len(vectors), layers), np.nan, np.float32)
    for column, vector in enumerate(vectors):
        if len(vector) == layers:
            with np.errstate(over="ignore"):
                values[column] = vector
    return values
