"""One verdict on one architecture, the same in every worker and from the first trial on."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage
from torch import nn

from zc_plugins._score_attributes import PREFIX, score_attributes
from zc_plugins.errors import MissingParameter, NothingScored, ReferenceMismatch
from zc_plugins.optuna._once import made_once
from zc_plugins.reference import Calibrated, Reference
from zc_plugins.scorer import Scorer
from zc_plugins.scores import ScoreTable
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.module import Proposal, as_space

_REFERENCE_KEY = f"{PREFIX}reference"


@dataclass(frozen=True)
class Verdict:
    """What the scores say of one trial's architecture.

    Attributes:
        params: names of the architecture's parameters.
        beaten_by: share of the reference sample that is strictly better, in [0, 1]; None if we
            cannot read the network, so that nothing follows.
        degenerate: dead, disconnected or not finite.
        attributes: for the trial.
        table: the scores, one row; None if the builder raised.
    """

    params: frozenset[str]
    beaten_by: float | None
    degenerate: bool
    attributes: Mapping[str, float | str]
    table: ScoreTable | None = None


class Judge:
    """Scores trials against a reference sample that the study keeps.

    Args:
        build_model: a trial in, a network out; or a search space.
        scorer: any.
        reference: a sample of the same space; drawn and stored in the study where None.
        size: architectures to draw.

    Attributes:
        space: of the architectures.

    Raises:
        ReferenceMismatch: if the reference is of another space or other settings.
    """

    def __init__(
        self,
        build_model: Callable[[Any], nn.Module] | SearchSpace[Any],
        scorer: Scorer,
        reference: Reference | None,
        size: int,
    ) -> None:
        self.space, self._scorer, self._size = as_space(build_model), scorer, size
        if reference is not None and reference.space != self.space.name:
            raise ReferenceMismatch(
                f"the reference was drawn from space {reference.space!r}, build_model is "
                f"{self.space.name!r}: make one with scorer.reference(space)"
            )
        self._calibrated = None if reference is None else scorer.against(reference)
        self._whole: ScoreTable | None = None
        self._failed: NothingScored | None = None
        self._turn = threading.RLock()

    def verdict(self, study: optuna.Study, params: Mapping[str, Any]) -> Verdict:
        """The verdict on the architecture of a trial's parameters.

        Raises:
            MissingParameter: if the parameters are not all suggested yet.
            NothingScored: if no architecture of the reference sample can be scored.
        """
        calibrated = self._against(study)
        proposal = Proposal(params, None)
        try:
            architecture = self.space.suggest(proposal)
        except MissingParameter as error:
            raise MissingParameter(
                f"{error}. Call build_model(trial) before trial.should_prune()"
            ) from error
        except Exception as error:
            note = {f"{PREFIX}note": f"{type(error).__name__}: {error}"}
            return Verdict(frozenset(proposal.params), None, False, note)
        table = calibrated.score([architecture], space=self.space, show_progress=False)
        attributes = score_attributes(table, 0)
        scored, degenerate = bool(calibrated.ranks(table)[0]), table.degenerate[0]
        if scored or degenerate:
            attributes[f"{PREFIX}percentile"] = float(calibrated.percentile(table)[0])
        beaten_by = float(calibrated.beaten_by(table)[0]) if scored else None
        return Verdict(frozenset(proposal.params), beaten_by, degenerate, attributes, table)

    def sample(self, study: optuna.Study) -> ScoreTable:
        """The reference sample with layers and parameters, for a predictor to read.

        The study keeps neither, so a worker that has not drawn the sample itself scores it once.
        """
        table = self._against(study).reference.table
        if table.layers or any(table.parameters):
            return table
        with self._turn:
            if self._whole is None:
                self._whole = self._scorer.reference(self.space, size=len(table)).table
            return self._whole

    def _against(self, study: optuna.Study) -> Calibrated:
        with self._turn:
            if self._failed is not None:
                raise self._failed
            if self._calibrated is None:
                try:
                    self._calibrated = self._scorer.against(self._kept_reference(study))
                except NothingScored as error:
                    # A pool for each trial, in vain, would be dear.
                    self._failed = error
                    raise
            return self._calibrated

    def _kept_reference(self, study: optuna.Study) -> Reference:
        """The study's sample; drawn if it has none, by one of its workers."""
        storage: BaseStorage = study._storage

        def find() -> Reference | None:
            kept = storage.get_study_user_attrs(study._study_id).get(_REFERENCE_KEY)
            reference = None if kept is None else Reference.from_json(kept)
            wanted = (self.space.name, self._scorer.settings)
            ours = reference is not None and (reference.space, reference.settings) == wanted
            return reference if ours else None

        def make() -> Reference:
            reference = self._scorer.reference(self.space, size=self._size)
            try:
                storage.set_study_user_attr(study._study_id, _REFERENCE_KEY, reference.to_json())
            except StorageInternalError as error:
                warnings.warn(f"each worker draws its own reference sample: {error}", stacklevel=2)
            return reference

        return made_once(storage, study._study_id, self._scorer.settings, find, make)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_turn"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _turn=threading.RLock())
