"""A study's scores beside what was trained, read once for all that is told of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from torch import nn

from zc_plugins._admission import Admission
from zc_plugins._score_attributes import PREFIX
from zc_plugins._shapes import Float, ndarray
from zc_plugins.costs.budget import Budget
from zc_plugins.optuna._claim import given_architecture
from zc_plugins.optuna._evidence import Evidence, stored_number
from zc_plugins.optuna._stored import StoredScores, stored_scores
from zc_plugins.scorer import Scorer
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.module import as_space
from zc_plugins.trust import Trust, measured_trust


@dataclass(frozen=True, eq=False)
class StudyScores:
    """What verdict, plots and page are made of.

    Attributes:
        study: whose trials.
        scores: the scorer, or what the study tells of it.
        evidence: trained networks that have scores.
        params: their parameter counts; None unless all are known or could be counted.
    """

    study: optuna.Study
    scores: Scorer | StoredScores
    evidence: Evidence
    params: Float[ndarray, " candidates"] | None

    @staticmethod
    def of(
        study: optuna.Study,
        scorer: Scorer | None,
        build_model: Callable[[Any], nn.Module] | SearchSpace[Any] | None,
    ) -> StudyScores:
        """Networks are built, where they are, to count parameters that no trial holds."""
        trials = study.get_trials(deepcopy=False)
        scores = scorer or stored_scores(study, trials)
        evidence = Evidence.of(study, trials, scores)
        return StudyScores(study, scores, evidence, _params(evidence, scorer, build_model))

    def trust(self) -> Trust:
        """How far the trainings bear the scores out."""
        evidence = self.evidence
        return measured_trust(evidence.table, evidence.accuracy, self.scores.ensemble, self.params)


def _params(
    evidence: Evidence,
    scorer: Scorer | None,
    build_model: Callable[[Any], nn.Module] | SearchSpace[Any] | None,
) -> ndarray | None:
    stored = (trial.user_attrs.get(f"{PREFIX}params") for trial in evidence.trials)
    counts = np.array([stored_number(count) for count in stored])
    if scorer is not None and build_model is not None and np.isnan(counts).any():
        space = as_space(build_model)
        # Counted, not limited.
        budget = Budget(scorer.excitation.input_shape, params=sys.maxsize)
        admission = Admission(space, budget)
        architectures = [given_architecture(space, trial) for trial in evidence.trials]
        found = (
            None if a is None else admission.verdict(a).costs.get("params") for a in architectures
        )
        counts = np.array([stored_number(count) for count in found])
    return None if np.isnan(counts).any() or not len(counts) else counts
