"""The best and other networks of a study, scored anew with their layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.trial import TrialState
from torch import nn

from zc_plugins.optuna._claim import given_architecture
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.module import as_space

_NETWORKS = 20  # that are built: the best five, and as many others of the ranking, evenly


def profiled(
    study: optuna.Study,
    scorer: Scorer,
    build_model: Callable[[Any], nn.Module] | SearchSpace[Any],
) -> ScoreTable | None:
    """The scores of some COMPLETE trials' networks, best first by first value, named by trial.

    None if no trial's network can be built.
    """
    space = as_space(build_model)
    lower = study.directions[0] == StudyDirection.MINIMIZE
    trials = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    ranked = sorted(trials, key=lambda trial: trial.values[0], reverse=not lower)
    places = sorted({*range(5), *map(int, np.linspace(0, len(ranked) - 1, _NETWORKS - 5))})
    found = {}
    for trial in (ranked[place] for place in places if 0 <= place < len(ranked)):
        architecture = given_architecture(space, trial)
        if architecture is not None:
            found[f"trial {trial.number}, {trial.values[0]:.6g}"] = architecture
    if not found:
        return None
    table = scorer.score(list(found.values()), space=space, show_progress=False)
    return ScoreTable(
        list(found),
        table.values,
        table.proxies,
        table.higher_is_better,
        layers=table.layers,
        notes=table.notes,
        layer_names=table.layer_names,
    )
