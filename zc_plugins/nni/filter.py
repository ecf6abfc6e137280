"""Middlewares that reject models before anything is trained."""

from __future__ import annotations

import logging
from typing import Any

from nni.nas.nn.pytorch import ModelSpace
from nni.nas.space import ExecutableModelSpace
from nni.nas.strategy import middleware

from zc_plugins.errors import InvalidArgument
from zc_plugins.nni._judge import Judge
from zc_plugins.nni.report import SAMPLE
from zc_plugins.reference import Reference
from zc_plugins.scorer import Scorer

_logger = logging.getLogger(__name__)


class ZeroCostFilter(middleware.Filter):  # type: ignore[misc]
    """Rejects a model before its training if its architecture's score is too low.

    For NNI's own ``Chain(strategy, ZeroCostFilter(...))``: a rejected model costs no trial and no
    budget. The score is judged against a reference sample of the space, which is scored once. A
    model that we cannot read is let through; dead, disconnected and non-finite ones never are.

    Args:
        scorer: e.g. ``recipes.az_nas(input_shape=(3, 32, 32))``.
        model_space: the space that the experiment searches.
        keep: share of the space that may be trained, in (0, 1]: a model is rejected if more than
            this share of the reference is strictly better.
        reference: made by ``scorer.reference(NniSpace(model_space))``; drawn where None.
        reference_size: architectures to draw for it.
        **filter_options: of NNI's ``Filter``: ``metric_for_invalid``, ``patience``,
            ``retain_history``.

    Attributes:
        rejected: reason by sample, in order.

    Raises:
        InvalidArgument: if ``keep`` is out of range.
        ReferenceMismatch: if ``reference`` is of another space or other settings.
    """

    def __init__(
        self,
        scorer: Scorer,
        model_space: ModelSpace | ExecutableModelSpace,
        *,
        keep: float = 0.5,
        reference: Reference | None = None,
        reference_size: int = 200,
        **filter_options: Any,
    ) -> None:
        if not 0 < keep <= 1:
            raise InvalidArgument(f"keep={keep}: pass a share in (0, 1], e.g. 0.5")
        super().__init__(self.admits, **filter_options)
        self._judge = Judge(scorer, model_space, reference, reference_size)
        self._keep = keep
        self.rejected: dict[str, str] = {}

    def admits(self, model: ExecutableModelSpace) -> bool:
        """Whether the frozen model may be trained."""
        verdict = self._judge.verdict(model.sample)
        sample = str(verdict.attributes[SAMPLE])
        if verdict.degenerate:
            self.rejected[sample] = str(verdict.attributes["zc_note"])
        elif verdict.beaten_by is not None and verdict.beaten_by > self._keep:
            self.rejected[sample] = (
                f"score too low: {verdict.beaten_by:.0%} of the reference sample are better, the "
                f"best {self._keep:.0%} are kept"
            )
        else:
            return True
        _logger.info("%s is not trained: %s", sample, self.rejected[sample])
        return False

    def extra_repr(self) -> str:
        return f"keep={self._keep}"

    def state_dict(self) -> dict[str, Any]:
        """What a resumed experiment needs to judge alike, without scoring the sample again."""
        drawn = self._judge.drawn
        reference = None if drawn is None else drawn.to_json()
        return {**super().state_dict(), "reference": reference, "rejected": self.rejected}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        if state_dict["reference"] is not None:
            judge, reference = self._judge, Reference.from_json(state_dict["reference"])
            self._judge = Judge(judge.scorer, judge.space.executable, reference, judge.size)
        self.rejected = dict(state_dict["rejected"])
