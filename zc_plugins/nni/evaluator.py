"""An evaluator that scores a model instead of training it."""

from __future__ import annotations

import base64
import pickle
from typing import Any

import nni
from nni.nas.evaluator import Evaluator
from nni.nas.nn.pytorch import ModelSpace
from nni.nas.space import ExecutableModelSpace
from torch import nn

from zc_plugins._scoring.parcel import packed
from zc_plugins.errors import InvalidArgument
from zc_plugins.nni._judge import Judge, Verdict
from zc_plugins.nni.report import told
from zc_plugins.reference import Reference
from zc_plugins.scorer import Scorer


class ZeroCostEvaluator(Evaluator):  # type: ignore[misc]
    """Reports how many of a space's random architectures a model beats, without training.

    For any of NNI's strategies, unchanged, on both engines. The metric is the model's percentile
    in a reference sample of the space that is scored once, since an ensemble's rank alone is
    relative. Each proxy's score is in the reported dict as ``zc_NAME``, the sample as
    ``zc_sample``. A model that cannot be built or scored gets 0, with ``zc_note``; the
    experiment goes on.

    Args:
        scorer: e.g. ``recipes.az_nas(input_shape=(3, 32, 32))``.
        model_space: the space that the experiment searches.
        reference: made by ``scorer.reference(NniSpace(model_space))``; drawn where None.
        reference_size: architectures to draw for it; a percentile is known to about
            1 / sqrt(size) / 2.

    Raises:
        ReferenceMismatch: if ``reference`` is of another space or other settings.
        InvalidArgument: if ``model_space`` is in NNI's graph format.
    """

    def __init__(
        self,
        scorer: Scorer,
        model_space: ModelSpace | ExecutableModelSpace,
        *,
        reference: Reference | None = None,
        reference_size: int = 200,
    ) -> None:
        self._judge = Judge(scorer, model_space, reference, reference_size)

    def evaluate(self, model: nn.Module) -> float:
        """Report the percentile of the model that NNI runs, and return it.

        Args:
            model: the network; which choices made it is asked of NNI.

        Raises:
            InvalidArgument: outside of an experiment and of ``mock_runtime``.
        """
        running = nni.get_current_parameter()
        # After a run in this process, NNI goes on to name its last model.
        if not isinstance(running, ExecutableModelSpace) or running.status.completed():
            raise InvalidArgument(
                f"evaluate({type(model).__name__}) outside of a run of NNI: use "
                "evaluator.mock_runtime(frozen), or scorer.score([model])"
            )
        return self._reported(running)

    def extra_repr(self) -> str:
        return f"proxies={[proxy.name for proxy in self._judge.scorer.proxies]}"

    def _execute(self, model: ExecutableModelSpace) -> float:
        # Without building it: known architectures are not built again.
        return self._reported(model)

    def _reported(self, model: ExecutableModelSpace) -> float:
        verdict: Verdict = self._judge.verdict(model.sample)
        nni.report_final_result(told(verdict.percentile, verdict.attributes))
        return verdict.percentile

    def _dump(self) -> dict[str, Any]:
        # The training service takes JSON; the reference is drawn here, so that all trials share it.
        content = packed(self._judge.scorer)
        if content is None:
            raise InvalidArgument(
                "the scorer cannot be sent to trial processes: give it functions that pickle can "
                "send, and inputs of less than 64 MB"
            )
        return {
            # NNI reads "//" and "#" as the start of a comment, within strings too.
            "scorer": base64.urlsafe_b64encode(content).decode(),
            "model_space": self._judge.space.executable,
            "reference": self._judge.reference.to_json(),
        }

    @classmethod
    def _load(cls, scorer: str, model_space: Any, reference: str) -> ZeroCostEvaluator:
        return cls(
            pickle.loads(base64.urlsafe_b64decode(scorer)),
            model_space,
            reference=Reference.from_json(reference),
        )
