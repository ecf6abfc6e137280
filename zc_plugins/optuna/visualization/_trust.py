"""How trust in the scores grew as trials finished, as a chart."""

from __future__ import annotations

import datetime
import warnings

import numpy as np
from optuna.trial import FrozenTrial

from zc_plugins.ensembles import Ensemble
from zc_plugins.optuna._evidence import Evidence
from zc_plugins.optuna._study_scores import StudyScores
from zc_plugins.report.chart import COLOURS, GREY, Chart, Panel, Series
from zc_plugins.trust import CONFIDENCE, ENSEMBLE, PARAMS, PROXY, Belief

_PLACES = 60  # at which the beliefs are taken: each costs a rank correlation a proxy


def trust_chart(read: StudyScores) -> Chart:
    """Each tau over the trained networks, with the ensemble's interval, and the scores' say."""
    title = "Trust in the scores as networks are trained"
    if not read.evidence.trials:
        warnings.warn("no complete trial of the study has scores", stacklevel=3)
        return Chart(title)
    # Workers finish in an order of their own.
    ended = [(_end(trial), trial.number) for trial in read.evidence.trials]
    order = sorted(range(len(ended)), key=ended.__getitem__)
    evidence = read.evidence.rows(order)
    trained = sorted(set(map(int, np.linspace(0, len(evidence.trials), _PLACES))))
    ensemble = [_ensemble(evidence, n, read.scores.ensemble) for n in trained]
    lines = []
    if read.params is not None and "params" not in evidence.table.proxies:
        params = read.params[order]
        after = [PARAMS.after(params[:n], evidence.accuracy[:n]) for n in trained]
        lines.append(_line("params (baseline)", trained, after, GREY))
    for place, proxy in enumerate(evidence.table.proxies if len(read.scores.proxies) > 1 else ()):
        column = evidence.table.oriented[:, place]
        after = [PROXY.after(column[:n], evidence.accuracy[:n]) for n in trained]
        lines.append(_line(proxy, trained, after, COLOURS[1:][place % (len(COLOURS) - 1)]))
    lines.append(_line("ensemble", trained, ensemble, COLOURS[0], banded=True))
    say = np.array([belief.weight for belief in ensemble])
    label = "networks trained"
    confidence = f"{CONFIDENCE:.0%}".replace("%", " %")
    return Chart(
        f"{title}: {read.study.study_name}",
        [
            Panel(
                f"Kendall's tau with the value, {confidence} interval",
                label, "tau", lines, level=0.0, counts=True, y_range=(-1.05, 1.05),
            ),
            Panel(
                "Say that the scores keep",
                label, "weight", [Series("", np.array(trained, float), say, COLOURS[0], True)],
                counts=True, y_range=(-0.05, 1.05),
            ),
        ],
        columns=2,
    )  # fmt: skip


def _end(trial: FrozenTrial) -> datetime.datetime:
    return trial.datetime_complete or datetime.datetime.max


def _ensemble(evidence: Evidence, trained: int, ensemble: Ensemble) -> Belief:
    """The belief after so many trainings, which rank among each other only."""
    if not trained:
        return ENSEMBLE
    numbers = ensemble(evidence.table.rows(range(trained)))
    return ENSEMBLE.after(numbers, evidence.accuracy[:trained])


def _line(
    name: str, trained: list[int], beliefs: list[Belief], colour: str, *, banded: bool = False
) -> Series:
    low, high = np.array([belief.interval for belief in beliefs]).T
    return Series(
        name,
        np.array(trained, float),
        np.array([belief.estimate for belief in beliefs]),
        colour,
        lined=True,
        band=(low, high) if banded else None,
        texts=[f"{name}\n{belief}" for belief in beliefs],
    )
