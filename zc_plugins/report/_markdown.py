"""Texts and tables as Markdown shows them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from zc_plugins._printable import printable


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def safe(text: object) -> str:
    """A text for a cell or a heading that neither Markdown nor HTML reads anything into."""
    flat = html.escape(printable(str(text)).replace("\n", " "), quote=False)
    return re.sub(r"([\\`*_\[\]|~#!])", r"\\\1", flat)
