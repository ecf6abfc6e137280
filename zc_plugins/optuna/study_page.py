"""A study as one page of HTML: what was found, and what the scores were worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from torch import nn

from zc_plugins.optuna._profiled import profiled
from zc_plugins.optuna._study_scores import StudyScores
from zc_plugins.optuna._study_tables import (
    TAUS,
    best_trials,
    pruned_trials,
    scored_trials,
    taus,
    value_names,
)
from zc_plugins.optuna.visualization._scores import scores_chart
from zc_plugins.optuna.visualization._trust import trust_chart
from zc_plugins.report._in_page import code, element
from zc_plugins.report._page import document, html_table, safe
from zc_plugins.report.in_plotly import in_plotly
from zc_plugins.report.visualization import plot_layer_profile
from zc_plugins.scorer import Scorer
from zc_plugins.spaces import SearchSpace
from zc_plugins.trust import Trust


def study_page(
    study: optuna.Study,
    scorer: Scorer | None = None,
    build_model: Callable[[Any], nn.Module] | SearchSpace[Any] | None = None,
) -> str:
    """Best trials, the verdict on the scores, plots, and what was pruned and why.

    Best are trials that keep all constraints, as in ``study.best_trials``.

    The page holds all that it shows, plotly's code too (5 MB), and loads nothing.

    Args:
        study: any.
        scorer: whose scores the trials have; read off the study where None, ranked by ``az_rank``.
        build_model: with a scorer, the best networks are built and scored anew, for a plot of their
            layers, and parameters are counted.

    Raises:
        MissingExtra: if plotly is not installed.
    """
    trials = study.get_trials(deepcopy=False)
    read = StudyScores.of(study, scorer, build_model)
    told = read.trust()
    plots = {}
    if told.ensemble.trained:
        plots["scores"] = in_plotly(scores_chart(read))
        plots["trust"] = in_plotly(trust_chart(read))
    table = None if scorer is None or build_model is None else profiled(study, scorer, build_model)
    if table is not None and any(len(v) > 1 for found in table.layers.values() for v in found):
        plots["layers"] = plot_layer_profile(table, table.candidates[:5])
    parts = [
        f"<p>{safe(_in_numbers(study, trials))}</p>",
        "<h2>Were the scores right?</h2>",
        _verdict(told),
        *(element(plot, f"plot-{name}") for name, plot in plots.items()),
        "" if "layers" in plots else f"<p>{_NO_LAYERS}</p>",
        "<h2>Best trials</h2>",
        best_trials(study, trials),
        "<h2>Pruned trials</h2>",
        pruned_trials(trials),
        "<h2>All scores</h2>",
        scored_trials(trials),
        f"<p>zc_plugins {safe(version('zc-plugins'))}, Optuna {safe(optuna.__version__)}</p>",
    ]
    scripts = code() if plots else ""
    return document(f"Study {study.study_name}", "\n".join(parts), scripts=scripts)


_NO_LAYERS = (
    "Scores layer by layer are not stored in a study: they are shown where the page is made with "
    "the builder and the scorer (<code>--space</code>, <code>--recipe</code>, "
    "<code>--input-shape</code>)."
)


def _in_numbers(study: optuna.Study, trials: Sequence[FrozenTrial]) -> str:
    names = value_names(study)
    ways = [f"{n}: {d.name.lower()}" for n, d in zip(names, study.directions, strict=True)]
    counts = [
        f"{count} {state.name}"
        for state in TrialState
        if (count := sum(trial.state == state for trial in trials))
    ]
    return f"{'; '.join(ways)}. {len(trials)} trials: {', '.join(counts) or 'none'}."


def _verdict(told: Trust) -> str:
    """The finding in plain words, and what it rests on."""
    as_well = {
        True: "Size alone would have done as well.",
        False: "The scores tell more than parameter count does.",
        None: "Whether size alone would have done as well is not known: it takes ten trainings "
        "or more, and parameter counts of all of them.",
    }[told.params_do_as_well]
    return (
        f'<p class="verdict"><strong>{safe(told.sentence)}</strong></p>\n<p>{as_well}</p>\n'
        f"{html_table(TAUS, taus(told))}"
        "<p>Kendall's tau of scores with values on the trained networks; what is believed of it "
        "starts from nine spaces' tables, with 90 % intervals. The say is the share of its weight "
        "that a score of this tau keeps.</p>"
    )
