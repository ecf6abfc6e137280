"""A backbone as the parameters of a trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from zc_plugins.spaces._backbone import Backbone, SuperBlock
from zc_plugins.spaces._stages_limits import DEEPEST, STEP, Limits


def suggested(trial: Any, limits: Limits) -> Backbone:
    """The backbone that a trial's answers make.

    Each parameter has the same range always. Where the answers exceed ``max_layers``, the longest
    stages lose super-blocks, then the deepest super-blocks lose sub-layers, of equals the first.
    """

    def width(name: str) -> int:
        # Optuna takes no step on a logarithmic scale: the unit is the step.
        return STEP * int(trial.suggest_int(name, 1, limits.max_channels // STEP, log=True))

    like, most = limits.initial, limits.max_layers
    stem = replace(like.stem, channels=width("stem_width"))
    varies = limits.head_varies
    head = replace(like.head, channels=width("head_width")) if varies else like.head
    stages = range(len(like.stages))
    limit = None if most is None else most - stem.layers - head.layers
    asked = [trial.suggest_int(f"blocks_{stage}", 1, limits.blocks_per_stage) for stage in stages]
    places = [(s, b) for s, blocks in enumerate(_cut(asked, limit)) for b in range(blocks)]
    layers = _cut([trial.suggest_int(f"layers_{s}_{b}", 1, DEEPEST) for s, b in places], limit)
    built: list[list[SuperBlock]] = [[] for _ in stages]
    for (s, b), depth in zip(places, layers, strict=True):
        kind = trial.suggest_categorical(f"kind_{s}_{b}", limits.kinds)
        channels, bottleneck = width(f"width_{s}_{b}"), width(f"bottleneck_{s}_{b}")
        stride = 1 if b else like.stages[s][0].stride
        built[s].append(SuperBlock(kind, channels, stride, bottleneck, depth))
    return Backbone(stem, tuple(map(tuple, built)), head)


def parameters(backbone: Backbone, limits: Limits) -> dict[str, Any]:
    """The answers that make this backbone, by name."""
    answers: dict[str, Any] = {"stem_width": backbone.stem.channels // STEP}
    if limits.head_varies:
        answers["head_width"] = backbone.head.channels // STEP
    for s, stage in enumerate(backbone.stages):
        answers[f"blocks_{s}"] = len(stage)
        for b, block in enumerate(stage):
            answers[f"layers_{s}_{b}"] = block.layers
            answers[f"kind_{s}_{b}"] = block.kind
            answers[f"width_{s}_{b}"] = block.channels // STEP
            answers[f"bottleneck_{s}_{b}"] = block.bottleneck // STEP
    return answers


def _cut(counts: Sequence[int], limit: int | None) -> list[int]:
    """The counts, the largest lowered until their sum is within the limit."""
    kept = list(counts)
    while limit is not None and sum(kept) > limit:
        kept[kept.index(max(kept))] -= 1
    return kept
