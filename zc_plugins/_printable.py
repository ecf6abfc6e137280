"""Texts of users made safe to show."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with control characters spelled out: a name must not steer the terminal."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text
    )
