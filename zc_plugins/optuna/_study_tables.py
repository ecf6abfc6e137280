"""Tables of a study's trials for a page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import optuna
from optuna.trial import FrozenTrial, TrialState

from zc_plugins._score_attributes import PREFIX
from zc_plugins.optuna._ranked import ranked
from zc_plugins.report._page import html_table, safe
from zc_plugins.trust import Belief, Trust

_BEST, _MANY = 10, 300  # rows of the best; rows of all others, the latest ones
_NOTE = f"{PREFIX}note"

TAUS = ("", "tau seen", "tau believed", "from", "to", "trained", "say")


def taus(told: Trust) -> Iterator[Sequence[object]]:
    """One row a belief, of the columns ``TAUS``."""
    beliefs: dict[str, Belief] = {"ensemble": told.ensemble, **told.proxies}
    if told.params is not None:
        beliefs["params (baseline)"] = told.params
    for name, belief in beliefs.items():
        numbers = (belief.tau, belief.estimate, *belief.interval)
        shown = (f"{number:.2f}" if math.isfinite(number) else None for number in numbers)
        yield name, *shown, belief.trained, f"{belief.weight:.0%}".replace("%", " %")


def value_names(study: optuna.Study) -> list[str]:
    """The names of the objectives, numbered where the study has none."""
    count = len(study.directions)
    return study.metric_names or (
        ["value"] if count == 1 else [f"value {n + 1}" for n in range(count)]
    )


def best_trials(study: optuna.Study, trials: Sequence[FrozenTrial]) -> str:
    """The best by value of those that keep all constraints; of several values, the front."""
    best = ranked(study, trials)
    over = sum(trial.state == TrialState.COMPLETE for trial in trials) - len(best)
    told = f"<p>{over} over a constraint are left out.</p>" if over else ""
    if not best:
        return told or "<p>None is complete.</p>"
    best = study.best_trials if len(study.directions) > 1 else best[:_BEST]
    shown = best[:_MANY]
    scores = _score_names(shown)
    rows = [
        (trial.number, *trial.values, _parameters(trial),
         *(trial.user_attrs.get(f"{PREFIX}{name}") for name in scores), _seconds(trial))
        for trial in shown
    ]  # fmt: skip
    head = ["trial", *value_names(study), "parameters", *scores, "seconds"]
    return html_table(head, rows) + _left_out(len(best), len(shown)) + told


def pruned_trials(trials: Sequence[FrozenTrial]) -> str:
    """Each reason with its count, then each trial."""
    pruned = [trial for trial in trials if trial.state == TrialState.PRUNED]
    if not pruned:
        return "<p>None was.</p>"
    kinds = Counter(_kind(trial) for trial in pruned)
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    rows = [(trial.number, _reason(trial), _parameters(trial)) for trial in pruned[-_MANY:]]
    return (
        f"<p>{safe(told)}</p>\n{_folded(html_table(('trial', 'reason', 'parameters'), rows))}"
        f"{_left_out(len(pruned), len(rows))}"
    )


def scored_trials(trials: Sequence[FrozenTrial]) -> str:
    """All trials that have scores, in order."""
    every = [trial for trial in trials if _score_names([trial]) or _NOTE in trial.user_attrs]
    if not every:
        return "<p>No trial has any.</p>"
    shown = every[-_MANY:]
    names = _score_names(shown)
    rows = [
        (trial.number, trial.state.name.lower(), trial.values[0] if trial.values else None,
         *(trial.user_attrs.get(f"{PREFIX}{name}") for name in names),
         trial.user_attrs.get(_NOTE, ""))
        for trial in shown
    ]  # fmt: skip
    table = html_table(["trial", "state", "value", *names, "note"], rows)
    return _folded(table) + _left_out(len(every), len(shown))


def _score_names(trials: Sequence[FrozenTrial]) -> list[str]:
    """Scores and costs of any of the trials."""
    keys = {
        key: None
        for trial in trials
        for key, value in trial.user_attrs.items()
        if key.startswith(PREFIX) and isinstance(value, (int, float))
    }
    return [key.removeprefix(PREFIX) for key in keys]


def _kind(trial: FrozenTrial) -> str:
    """The reason without its numbers: what stands before the colon."""
    if trial.intermediate_values:
        return "stopped in training"
    note = trial.user_attrs.get(_NOTE)
    return str(note).partition(":")[0] if note else "for no reason that is stored"


def _reason(trial: FrozenTrial) -> str:
    """Of what was stopped in training, how far it had come."""
    if trial.intermediate_values:
        step = max(trial.intermediate_values)
        return f"stopped in training after step {step}, at {trial.intermediate_values[step]:.6g}"
    return str(trial.user_attrs.get(_NOTE, "not stored"))


def _parameters(trial: FrozenTrial) -> str:
    return ", ".join(
        f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in trial.params.items()
    )


def _seconds(trial: FrozenTrial) -> float | None:
    return None if trial.duration is None else trial.duration.total_seconds()


def _folded(table: str) -> str:
    return f"<details><summary>Show them</summary>\n{table}</details>"


def _left_out(every: int, shown: int) -> str:
    return f"<p>{every - shown} earlier ones are left out.</p>" if every > shown else ""
