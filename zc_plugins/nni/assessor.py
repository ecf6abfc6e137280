"""An HPO assessor that decides on the score, before the first epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nni.assessor import Assessor, AssessResult

from zc_plugins.errors import InvalidArgument
from zc_plugins.nni._named import named
from zc_plugins.nni.report import BEATEN_BY


class ZeroCostAssessor(Assessor):  # type: ignore[misc]
    """Stops a trial after its first report, the score, if its network scores too low.

    The trial calls ``report_score(model, scorer, reference)`` before it trains. From the second
    report on another assessor decides, if one is named; it does not see the score. A trial that
    does not report a score is left to that assessor from its first report on. NNI kills a trial
    within some seconds after the report, and shows it as USER_CANCELED.

    Args:
        keep: share of the space that may be trained, in (0, 1]: a trial is stopped if more than
            this share of the reference is strictly better than its network.
        assessor: name of the assessor that decides later, e.g. ``"Medianstop"``.
        assessor_args: its arguments.

    Raises:
        InvalidArgument: if ``keep`` is out of range, there is no such assessor, or it does not take
            its arguments.
    """

    def __init__(
        self,
        keep: float = 0.5,
        assessor: str | None = None,
        assessor_args: Mapping[str, Any] | None = None,
    ) -> None:
        if not 0 < keep <= 1:
            raise InvalidArgument(f"keep={keep}: pass a share in (0, 1], e.g. 0.5")
        self._keep = keep
        if assessor is None and assessor_args:
            raise InvalidArgument(f"assessor_args={assessor_args!r}: pass assessor='...' with them")
        self._later: Any = None if assessor is None else named("assessor", assessor, assessor_args)
        self._assessed: set[str] = set()

    def assess_trial(self, trial_job_id: str, trial_history: list[Any]) -> AssessResult:
        first = trial_history[0]
        reports = trial_history
        if isinstance(first, Mapping) and BEATEN_BY in first:
            if first[BEATEN_BY] > self._keep:
                return AssessResult.Bad
            reports = trial_history[1:]
        if self._later is None or not reports:
            return AssessResult.Good
        self._assessed.add(trial_job_id)
        return self._later.assess_trial(trial_job_id, reports)

    def trial_end(self, trial_job_id: str, success: bool) -> None:
        if trial_job_id in self._assessed:
            self._assessed.discard(trial_job_id)
            self._later.trial_end(trial_job_id, success)
