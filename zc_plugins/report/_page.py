"""A page of HTML that refers to nothing outside, and its tables; all texts are escaped."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Sequence

from zc_plugins._printable import printable


def safe(text: object) -> str:
    """The text as HTML shows it."""
    return html.escape(printable(str(text)))


def document(title: str, body: str, *, scripts: str = "") -> str:
    """The whole page; a browser loads nothing for it, and runs none but its own scripts.

    Args:
        title: any text.
        body: HTML.
        scripts: JavaScript that the body's own scripts need.
    """
    # Also what a script asks for stays unloaded.
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
        "img-src data: blob:; form-action 'none'; base-uri 'none'"
    )
    script = f"<script>{scripts}</script>\n" if scripts else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{safe(title)}</title>\n<style>{_STYLE}</style>\n{script}</head>\n<body>\n"
        f"<h1>{safe(title)}</h1>\n{body}\n</body></html>\n"
    )


def html_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table of texts and numbers; numbers stand to the right, a stroke where there is none."""
    top = "".join(f"<th>{safe(name)}</th>" for name in head)
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead>\n<tbody>{body}</tbody></table>"


_NUMBER = re.compile(r"-?\d+(\.\d+)?( %)?")  # rounded as a text


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return '<td class="number">-</td>'
    if isinstance(value, int):
        return f'<td class="number">{value}</td>'
    if isinstance(value, float):
        return f'<td class="number">{value:.6g}</td>'
    kind = ' class="number"' if _NUMBER.fullmatch(str(value)) else ""
    return f"<td{kind}>{safe(value)}</td>"


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem;color:#222;background:#fff;"
    "max-width:75rem}svg{width:100%;height:auto}table{border-collapse:collapse;font-size:.9rem}"
    "th,td{padding:.2rem .7rem;border-bottom:1px solid #ccc;text-align:left}"
    ".number{text-align:right;font-variant-numeric:tabular-nums}"
    ".swatch{display:inline-block;width:1rem;height:1rem;border-radius:.2rem}"
    "pre{white-space:pre-wrap}"
)
