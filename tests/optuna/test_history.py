"""A study's history, read once: the same as reading all of it again."""

from __future__ import annotations

import pickle
from unittest.mock import patch

import numpy as np
import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.trial import TrialState, create_trial

from zc_plugins.optuna import _history
from zc_plugins.optuna._evidence import Evidence
from zc_plugins.optuna._history import EXACT, History

from .builders import size_scorer

WIDTH = {"width": IntDistribution(1, 64)}


def add(study: optuna.Study, width: int, value: float) -> None:
    scores = {"zc_params": 5.0 * width, "zc_complexity": 4.0 * width}
    study.add_trial(
        create_trial(
            params={"width": width}, distributions=WIDTH, user_attrs=scores, value=value
        )
    )  # fmt: skip


def test_as_reading_all_of_it_whatever_the_order_of_the_ends() -> None:
    rng, study, history = np.random.default_rng(0), optuna.create_study(), History(size_scorer())
    open_: list[optuna.Trial] = []
    for _ in range(40):
        open_.append(study.ask(WIDTH))
        open_[-1].set_user_attr("zc_params", 5.0 * open_[-1].params["width"])
        open_[-1].set_user_attr("zc_complexity", 4.0 * open_[-1].params["width"])
        if len(open_) > 3:
            ended = open_.pop(int(rng.integers(4)))
            state = [TrialState.COMPLETE, TrialState.PRUNED][int(rng.integers(4) == 0)]
            study.tell(ended, rng.normal() if state == TrialState.COMPLETE else None, state=state)
        trials = study.get_trials(deepcopy=False)
        fresh = History(size_scorer())
        assert history.weight(study, trials) == fresh.weight(study, trials)
        complete = [t for t in trials if t.state == TrialState.COMPLETE]
        assert history.complete(study, trials) == len(complete)
        assert all(history.holds(trial.params) for trial in complete)
        assert not history.holds({"width": 65})


def test_each_trial_is_read_once_and_the_weight_taken_rarely() -> None:
    study, history, read = optuna.create_study(direction="maximize"), History(size_scorer()), []
    taken = Evidence.of

    def counted(
        study: optuna.Study, trials: list[optuna.trial.FrozenTrial], scorer: object
    ) -> Evidence:
        read.append(len(trials))
        return taken(study, trials, scorer)  # type: ignore[arg-type]

    with patch.object(_history.Evidence, "of", counted):
        for number in range(EXACT + 50):
            add(study, number % 60 + 1, float(number % 60))
            history.weight(study, study.get_trials(deepcopy=False))
    assert read == [*range(1, EXACT), *range(EXACT, EXACT + 51, 2)]
    assert history._settled == EXACT + 50
    assert not history._seen
    assert history.weight(study, study.get_trials(deepcopy=False)) == 1


def test_another_study_starts_over() -> None:
    history = History(size_scorer())
    for number in (3, 2):
        study = optuna.create_study()
        for width in range(number):
            add(study, width + 1, 0.5)
        assert history.complete(study, study.get_trials(deepcopy=False)) == number
    assert not history.holds({"width": 3})
    copy = pickle.loads(pickle.dumps(history))
    assert copy.complete(study, study.get_trials(deepcopy=False)) == 2


@pytest.mark.parametrize("complete", [0, 1, 255, 256, 257, 999, 10_000, 123_456])
def test_at_most_a_hundredth_is_not_heard(complete: int) -> None:
    heard = _history._heard(complete)
    assert complete * 0.99 <= heard <= complete
    assert _history._heard(heard) == heard
