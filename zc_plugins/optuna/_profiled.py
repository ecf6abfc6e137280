"""The best and other networks of a study, scored anew with their layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from torch import nn

from zc_plugins.optuna._claim import given_architecture
from zc_plugins.optuna._ranked import ranked
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
    """The scores of some of the ranked trials' networks, best first, named by trial.

    None if no trial's network can be built.
    """
    space = as_space(build_model)
    trials = ranked(study, study.get_trials(deepcopy=False))
    places = sorted({*range(5), *map(int, np.linspace(0, len(trials) - 1, _NETWORKS - 5))})
    found = {}
    for trial in (trials[place] for place in places if 0 <= place < len(trials)):
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
