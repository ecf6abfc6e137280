"""One verdict on one architecture, the same in every process of an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nni.nas.nn.pytorch import ModelSpace
from nni.nas.space import ExecutableModelSpace

from zc_plugins._score_attributes import score_attributes
from zc_plugins.errors import ReferenceMismatch
from zc_plugins.nni.model_space import NniSpace
from zc_plugins.nni.report import SAMPLE, sample_text
from zc_plugins.reference import Calibrated, Reference
from zc_plugins.scorer import Scorer


@dataclass(frozen=True)
class Verdict:
    """What the scores say of one architecture.

    Attributes:
        percentile: share of the reference sample that it beats, in [0, 1]; 0 if it has no score.
        beaten_by: share of the reference sample that is strictly better; None if we cannot read
            the network, so that nothing follows.
        degenerate: dead, disconnected or not finite.
        attributes: each score as ``zc_NAME``, ``zc_note`` for what is missing, and the sample as
            ``zc_sample``.
    """

    percentile: float
    beaten_by: float | None
    degenerate: bool
    attributes: Mapping[str, float | str]


class Judge:
    """Scores architectures of an NNI model space against a reference sample.

    Args:
        scorer: any.
        model_space: as ``NniSpace`` takes it.
        reference: a sample of the same space; drawn at the first verdict where None.
        size: architectures to draw.

    Raises:
        ReferenceMismatch: if the reference is of another space or other settings.
    """

    def __init__(
        self,
        scorer: Scorer,
        model_space: ModelSpace | ExecutableModelSpace,
        reference: Reference | None,
        size: int,
    ) -> None:
        self.scorer, self.space, self.size = scorer, NniSpace(model_space), size
        if reference is not None and reference.space != self.space.name:
            raise ReferenceMismatch(
                f"the reference was drawn from space {reference.space!r}, model_space is "
                f"{self.space.name!r}: make one with scorer.reference(NniSpace(model_space))"
            )
        self._calibrated: Calibrated | None = None
        if reference is not None:
            self._calibrated = scorer.against(reference)

    @property
    def reference(self) -> Reference:
        """The frozen sample, drawn and scored now if it was not yet.

        Raises:
            NothingScored: if every architecture failed, with the commonest reason.
        """
        return self._against().reference

    @property
    def drawn(self) -> Reference | None:
        """The frozen sample, if there is one already."""
        return None if self._calibrated is None else self._calibrated.reference

    def verdict(self, sample: Mapping[str, Any]) -> Verdict:
        """The verdict on a sample of NNI; a network that cannot be built has no score.

        Raises:
            NothingScored: if no architecture of the reference sample can be scored.
        """
        calibrated = self._against()
        architecture = self.space.of(sample)
        table = calibrated.score([architecture], space=self.space, show_progress=False)
        attributes = {**score_attributes(table, 0), SAMPLE: sample_text(sample)}
        beaten_by = float(calibrated.beaten_by(table)[0]) if calibrated.ranks(table)[0] else None
        percentile = float(calibrated.percentile(table)[0])
        return Verdict(percentile, beaten_by, table.degenerate[0], attributes)

    def _against(self) -> Calibrated:
        if self._calibrated is None:
            reference = self.scorer.reference(self.space, size=self.size)
            self._calibrated = self.scorer.against(reference)
        return self._calibrated
