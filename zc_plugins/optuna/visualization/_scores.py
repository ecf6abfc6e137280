"""Scores against values of a study's trained networks, as a chart."""

from __future__ import annotations

import warnings

import numpy as np

from zc_plugins._shapes import ndarray
from zc_plugins.optuna._evidence import Evidence
from zc_plugins.optuna._study_scores import StudyScores
from zc_plugins.optuna.visualization._values import shown_values
from zc_plugins.ranking import ranks
from zc_plugins.report.chart import COLOURS, GREY, Chart, Panel, Series
from zc_plugins.trust import Belief

_DRAWN = 1000  # points a panel: a notebook or a dashboard is slow with more


def scores_chart(read: StudyScores) -> Chart:
    """A panel for the ensemble, one for each proxy, and one for parameter count if it is known."""
    title = "Scores before training against values after it"
    study, evidence, params = read.study, read.evidence, read.params
    if not evidence.trials:
        warnings.warn("no complete trial of the study has scores", stacklevel=3)
        return Chart(title)
    found = read.trust()
    numbers = read.scores.ensemble(evidence.table)
    columns = {"ensemble": (np.where(np.isfinite(numbers), numbers, np.nan), found.ensemble)}
    for name, column in zip(evidence.table.proxies, evidence.table.oriented.T, strict=True):
        columns[name] = (column, found.proxies[name])
    if params is not None and found.params is not None and "params" not in columns:
        columns["params (baseline)"] = (params, found.params)
    if len(found.proxies) == 1:
        del columns["ensemble"]  # the same as its one proxy
    value = shown_values(study, evidence.trials)
    panels = [
        _panel(name, column, belief, evidence, value.of, value.label)
        for name, (column, belief) in columns.items()
    ]
    some = f", {_DRAWN} of {len(evidence.trials)} trials" * (len(evidence.trials) > _DRAWN)
    return Chart(f"{title}: {study.study_name}{some}", panels)


def _panel(
    name: str, column: ndarray, belief: Belief, evidence: Evidence, values: ndarray, label: str
) -> Panel:
    low, high = belief.interval
    place = ranks(column)
    best = int(np.argmax(evidence.accuracy))
    raw = evidence.table.column(name) if name in evidence.table.proxies else column
    texts = [
        f"trial {trial.number}\n{label}: {value:.6g}\n"
        + (f"{name}: {score:.6g}" if np.isfinite(score) else "not scored")
        for trial, value, score in zip(evidence.trials, values, raw, strict=True)
    ]
    every = np.linspace(0, len(values) - 1, min(_DRAWN, len(values))).astype(int)
    # No axis has a place for what diverged.
    drawn = np.isfinite(values) & np.isin(np.arange(len(values)), [*every, best])
    groups = (
        ("trained", drawn & np.isfinite(place), COLOURS[0]),
        ("not scored", drawn & np.isnan(place), GREY),
        ("best", drawn & (np.arange(len(values)) == best), COLOURS[1]),
    )
    return Panel(
        f"{name}\ntau {belief.estimate:.2f} ({low:.2f} to {high:.2f})",
        "share of the trained that score no better",
        label,
        [
            Series(
                group,
                np.nan_to_num(place[chosen]),
                values[chosen],
                colour,
                texts=[text for text, one in zip(texts, chosen, strict=True) if one],
            )
            for group, chosen, colour in groups
            if chosen.any()
        ],
        x_range=(-0.05, 1.05),
    )
