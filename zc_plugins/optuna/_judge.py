"""One verdict on one architecture, the same in every worker and from the first trial on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.storages import BaseStorage
from torch import nn

from zc_plugins.errors import InvalidArgument, ReferenceMismatch
from zc_plugins.optuna._attributes import PREFIX, score_attributes
from zc_plugins.reference import Calibrated, Reference
from zc_plugins.scorer import Scorer
from zc_plugins.spaces import SearchSpace
from zc_plugins.spaces.module import Proposal, as_space

_REFERENCE_KEY = f"{PREFIX}reference"


@dataclass(frozen=True)
class Verdict:
    """What the scores say of one trial's architecture.

    Attributes:
        percentile: share of the reference sample that it beats, in [0, 1].
        scored: False if there is no score; unless it is degenerate, nothing follows then.
        degenerate: dead, disconnected or not finite.
        attributes: for the trial.
    """

    percentile: float
    scored: bool
    degenerate: bool
    attributes: Mapping[str, float | str]


class Judge:
    """Scores trials against a reference sample that the study keeps.

    Args:
        build_model: a trial in, a network out; or a search space.
        scorer: any.
        reference: a sample of the same space; drawn and stored in the study where None.
        size: architectures to draw.

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
        self._space, self._scorer, self._size = as_space(build_model), scorer, size
        if reference is not None and reference.space != self._space.name:
            raise ReferenceMismatch(
                f"the reference was drawn from space {reference.space!r}, build_model is "
                f"{self._space.name!r}: make one with scorer.reference(space)"
            )
        self._calibrated = None if reference is None else scorer.against(reference)
        self._turn = threading.RLock()

    def verdict(self, study: optuna.Study, params: Mapping[str, Any]) -> Verdict:
        """The verdict on the architecture of a trial's parameters.

        Raises:
            InvalidArgument: if the parameters are not all suggested yet.
            NothingScored: if no architecture of the reference sample can be scored.
        """
        calibrated = self._against(study)
        architecture = self._architecture(params)
        if architecture is None:
            return Verdict(0.0, False, False, {})
        table = self._scorer.score([architecture], space=self._space, show_progress=False)
        percentile = float(calibrated.percentile(table)[0])
        attributes = {**score_attributes(table, 0), f"{PREFIX}percentile": percentile}
        return Verdict(percentile, bool(table.scored[0]), table.degenerate[0], attributes)

    def _architecture(self, params: Mapping[str, Any]) -> Any:
        """What the space reads from the parameters; None if the user's builder raises."""
        try:
            return self._space.suggest(Proposal(params, None))
        except InvalidArgument as error:
            raise InvalidArgument(
                f"{error}. Call build_model(trial) before trial.should_prune()"
            ) from error
        except Exception:
            return None

    def _against(self, study: optuna.Study) -> Calibrated:
        with self._turn:
            if self._calibrated is None:
                self._calibrated = self._scorer.against(self._kept_reference(study))
            return self._calibrated

    def _kept_reference(self, study: optuna.Study) -> Reference:
        """The study's sample; drawn here if it has none, with the same outcome in each worker."""
        storage: BaseStorage = study._storage
        kept = storage.get_study_user_attrs(study._study_id).get(_REFERENCE_KEY)
        if kept is not None:
            reference = Reference.from_json(kept)
            if (reference.space, reference.settings) == (self._space.name, self._scorer.settings):
                return reference
        reference = self._scorer.reference(self._space, size=self._size)
        storage.set_study_user_attr(study._study_id, _REFERENCE_KEY, reference.to_json())
        return reference

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_turn"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _turn=threading.RLock())
