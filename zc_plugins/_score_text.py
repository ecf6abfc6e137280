"""A network's scores as JSON, and which of them may be kept."""

from __future__ import annotations

import json

import numpy as np

from zc_plugins.proxies._proxy import LayerScores, ScoreRow


def settled(row: ScoreRow) -> bool:
    """Whether scoring once more would give the same: no proxy met an error that is not ours.

    ``Proxy.failed`` writes such an error's type in front of the note, without a layer.
    """
    return not any(
        np.isnan(scores.value) and not scores.names and _begins_with_a_type(scores.note)
        for scores in row.values()
    )


def _begins_with_a_type(note: str) -> bool:
    word, colon, _ = note.partition(": ")
    return bool(colon) and word.isidentifier()


def encoded(row: ScoreRow) -> str:
    """JSON; a float as the shortest decimal that is read back exactly, NaN and infinity as text."""
    return json.dumps(
        {
            name: {
                "value": _number(scores.value),
                "layers": [_number(value) for value in scores.layers.tolist()],
                "names": list(scores.names),
                "note": scores.note,
                "degenerate": scores.degenerate,
            }
            for name, scores in row.items()
        },
        allow_nan=False,
    )


def _number(value: float) -> float | str:
    return float(value) if np.isfinite(value) else str(float(value))


def decoded(text: str) -> ScoreRow | None:
    """The row; None if the text was tampered with."""
    try:
        return {
            name: LayerScores(
                float(entry["value"]),
                np.array(list(map(float, entry["layers"])), dtype=np.float64),
                tuple(map(str, entry["names"])),
                str(entry["note"]),
                bool(entry["degenerate"]),
            )
            for name, entry in json.loads(text).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
