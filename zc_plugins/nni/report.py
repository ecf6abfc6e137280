"""What a trial tells NNI beside its accuracy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import nni
from nni.nas.space import ExecutableModelSpace
from torch import nn

from zc_plugins._score_attributes import PREFIX, score_attributes
from zc_plugins.nni.model_space import written
from zc_plugins.reference import Reference
from zc_plugins.scorer import Scorer

SAMPLE = f"{PREFIX}sample"
"""Key of the sample's text in a reported dict."""

BEATEN_BY = f"{PREFIX}beaten_by"
"""Key of the share of the reference sample that is strictly better."""


def sample_text(sample: Mapping[str, Any]) -> str:
    """A sample of NNI as JSON, without what follows from other labels, and free of "#" and "//"."""
    chosen = {k: written(v) for k, v in sample.items() if not isinstance(v, Mapping)}
    text = json.dumps(dict(sorted(chosen.items())))
    # A manager that has not imported this package would take them for comments.
    return text.replace("#", r"\u0023").replace("//", r"/\u002f")


def told(metric: float, attributes: Mapping[str, float | str]) -> dict[str, Any]:
    """A report whose texts NNI can read: it takes "#" and "//" in a text for a comment."""
    # A sample is compared to the letter; its labels are the user's.
    texts = {k: v for k, v in attributes.items() if isinstance(v, str) and k != SAMPLE}
    readable = {k: v.replace("#", "No.").replace("//", "/ /") for k, v in texts.items()}
    return {"default": metric, **attributes, **readable}


def echoed(metric: float) -> dict[str, Any]:
    """A metric with the sample that it belongs to, for ``nni.report_final_result``.

    NNI 3.0 gives metrics to the wrong trials where several run at a time, or one dies early. The
    strategies of this package check the sample and put such metrics right.

    Args:
        metric: of the model that runs in this process.

    Returns:
        ``{"default": metric, "zc_sample": ...}``; outside of a run of NNI the metric only.
    """
    running = nni.get_current_parameter()
    report: dict[str, Any] = {"default": float(metric)}
    if isinstance(running, ExecutableModelSpace):
        report[SAMPLE] = sample_text(running.sample)
    return report


def report_score(model: nn.Module, scorer: Scorer, reference: Reference) -> float:
    """Report a network's scores as the trial's first intermediate result, before its training.

    NNI's web page shows the percentile in the intermediate results, and each proxy as a key of
    its own; ``ZeroCostAssessor`` decides on it. The network is not changed.

    Args:
        model: the trial's network.
        scorer: of the reference.
        reference: a frozen sample of the search space, the same in all trials:
            ``scorer.reference(hpo_space(build_model, search_space))``, kept as JSON.

    Returns:
        The share of the reference that the network beats, in [0, 1]; 0 if it has no score.

    Raises:
        ReferenceMismatch: if the reference was scored with other settings.
    """
    calibrated = scorer.against(reference)
    table = scorer.score([model], show_progress=False)
    percentile = float(calibrated.percentile(table)[0])
    report = told(percentile, score_attributes(table, 0))
    if calibrated.ranks(table)[0] or table.degenerate[0]:
        # Of a network that we cannot read, nothing follows.
        report[BEATEN_BY] = float(calibrated.beaten_by(table)[0])
    nni.report_intermediate_result(report)
    return percentile
