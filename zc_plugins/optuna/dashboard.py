"""What the scores were worth, where optuna-dashboard shows it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import optuna
from torch import nn

from zc_plugins._optional import require
from zc_plugins.optuna._study_scores import StudyScores
from zc_plugins.optuna._study_tables import TAUS, taus
from zc_plugins.optuna.visualization._scores import scores_chart
from zc_plugins.optuna.visualization._trust import trust_chart
from zc_plugins.report._markdown import safe, table
from zc_plugins.report.chart import Chart
from zc_plugins.report.in_plotly import in_plotly
from zc_plugins.scorer import Scorer
from zc_plugins.spaces import SearchSpace
from zc_plugins.trust import Trust

# Markdown shows nothing of what it takes for a link that nobody refers to.
_BEGIN, _END = "[//]: # (zc_plugins: what follows is written anew)", "[//]: # (zc_plugins: end)"
_PLOT, _EMPTY = "zc-plugins-", "Empty: there are fewer plots than before"


def show_in_dashboard(
    study: optuna.Study,
    scorer: Scorer | None = None,
    build_model: Callable[[Any], nn.Module] | SearchSpace[Any] | None = None,
) -> None:
    """Write the plots of scores and trust, and the verdict as a note, into the study.

    optuna-dashboard shows the plots among its own, the note in its place, and the scores that are
    stored with each trial as columns of its table. Written again, both take the place of what was
    written, and a plot too many is left empty; the rest of the note stays. Call it at the end, or
    in a callback every now and then.

    Args:
        study: in a storage that the dashboard opens.
        scorer: whose scores the trials have; read off the study where None, ranked by ``az_rank``.
        build_model: rebuilds the networks to count their parameters, with a scorer; not needed
            where the trials have ``zc_params``.

    Raises:
        MissingExtra: if optuna-dashboard or plotly is not installed.
    """
    host = require("optuna_dashboard", extra="dashboard")
    read = StudyScores.of(study, scorer, build_model)
    told = read.trust()
    charts: list[Chart] = []
    if told.ensemble.trained:
        scores = scores_chart(read)
        panels = scores.panels
        # The dashboard gives a plot half of its width, and cuts it to the height of one row.
        charts = [replace(scores, panels=panels[n : n + 2]) for n in range(0, len(panels), 2)]
        charts.append(trust_chart(read))
    # No storage lets go of an attribute.
    charts += [Chart(_EMPTY)] * (_shown(study) - len(charts))
    for place, chart in enumerate(charts, start=1):
        host.save_plotly_graph_object(study, in_plotly(chart), graph_object_id=f"{_PLOT}{place}")
    host.save_note(study, _inserted(host.get_note(study), _verdict(told)))


def _shown(study: optuna.Study) -> int:
    """How many plots earlier calls have left."""
    attributes = study._storage.get_study_system_attrs(study._study_id)
    places = itertools.count(1)
    return next(n for n in places if f"dashboard:plot_data:{_PLOT}{n}:0" not in attributes) - 1


def _verdict(told: Trust) -> str:
    rows = [[safe("-" if cell is None else cell) for cell in row] for row in taus(told)]
    return f"## Were the scores right?\n\n{told.sentence}\n\n{table(TAUS, rows)}"


def _inserted(note: str, text: str) -> str:
    """The note with the text in its old place, or at the end."""
    own = f"{_BEGIN}\n\n{text}\n\n{_END}"
    before, begun, rest = note.partition(_BEGIN)
    _, ended, after = rest.partition(_END)
    if begun and ended:
        return before + own + after
    return f"{note.rstrip()}\n\n{own}" if note.strip() else own
