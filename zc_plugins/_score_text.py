"""A network's scores as JSON, and which of them may be kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np

from zc_plugins._read_json import read_json
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


def encoded(row: ScoreRow, key: Sequence[str]) -> str:
    """A digest of key and row, a space, and the row as JSON.

    A float is the shortest decimal that is read back exactly, NaN and infinity are text.

    Args:
        row: to be kept.
        key: under which it is kept; with another one the text is not read.
    """
    text = json.dumps(
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
    return f"{_digest(key, text)} {text}"


def _digest(key: Sequence[str], text: str) -> str:
    """Tells a flipped bit, also one of the key; it holds no secret, and keeps no forger off."""
    return hashlib.sha256(json.dumps([*key, text]).encode()).hexdigest()[:16]


def _number(value: float) -> float | str:
    return float(value) if np.isfinite(value) else str(float(value))


def decoded(content: object, key: Sequence[str]) -> ScoreRow | None:
    """The row; None if the bytes are not those of what ``encoded`` gave for this key."""
    if not isinstance(content, bytes):
        return None
    try:
        digest, _, text = content.decode().partition(" ")
        if digest != _digest(key, text):
            return None
        return {
            name: LayerScores(
                float(entry["value"]),
                np.array(list(map(float, entry["layers"])), dtype=np.float64),
                tuple(map(str, entry["names"])),
                str(entry["note"]),
                bool(entry["degenerate"]),
            )
            for name, entry in read_json(text).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError):
        return None
